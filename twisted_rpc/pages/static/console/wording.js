/**
 * Types and values in words.
 *
 * @module
 */

import {isNumber, isObject, stringify} from './exact.js';
import {FORMATS, formatOf} from './formats.js';
import {kindOf, onlyValue, resolve, typeOf, variantsOf} from './schema.js';

/**
 * What a type is called, with its limits: `integer, 1 to 100`.
 *
 * @param {object | boolean | undefined} schema
 * @param {object} document
 * @returns {string}
 */
export function describe(schema, document) {
  return described(schema, document, 0);
}

function described(schema, document, depth) {
  const resolved = resolve(schema, document);
  const limits = limitsOf(resolved);
  const name = nameOfType(resolved, document, depth);
  return limits === '' ? name : `${name}, ${limits}`;
}

function nameOfType(schema, document, depth) {
  const kind = kindOf(schema);
  const inner = (one) => (depth > 2 ? '…' : described(one, document, depth + 1));
  if (schema.title !== undefined && ['object', 'tuple', 'map'].includes(kind)) return schema.title;
  switch (kind) {
    case 'const':
      return stringify(onlyValue(schema));
    case 'enum':
      return `one of ${listed(schema.enum)}`;
    case 'union':
      return [...new Set(variantsOf(schema, document).map(inner))].join(' or ');
    case 'string':
      return FORMATS[formatOf(schema)]?.name ?? 'text';
    case 'array':
      return schema.items === undefined ? 'list' : `list of ${inner(schema.items)}`;
    case 'tuple':
      return `[${schema.prefixItems.map(inner).join('; ')}]`;
    case 'map':
      return isObject(schema.additionalProperties) ? `object of ${inner(schema.additionalProperties)}` : 'object';
    default:
      return kind;
  }
}

const PHRASES = {
  null: 'null',
  boolean: 'true or false',
  integer: 'an integer',
  number: 'a number',
  string: 'text',
  array: 'a list',
  object: 'an object',
};

/**
 * What a value of a schema is, as a noun.
 *
 * @param {object} schema resolved
 * @returns {string}
 */
export function phraseOf(schema) {
  return PHRASES[typeOf(schema)];
}

function limitsOf(schema) {
  const parts = [
    rangeOf(schema),
    schema.multipleOf === undefined ? '' : `a multiple of ${schema.multipleOf}`,
    countOf(schema.minLength, schema.maxLength, 'character'),
    // A tuple says by itself how many it has.
    schema.prefixItems === undefined ? countOf(schema.minItems, schema.maxItems, 'item') : '',
    countOf(schema.minProperties, schema.maxProperties, 'member'),
    schema.uniqueItems ? 'no two alike' : '',
    schema.pattern === undefined ? '' : `matching ${schema.pattern}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function rangeOf({minimum, exclusiveMinimum, maximum, exclusiveMaximum}) {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  const parts = [];
  if (minimum !== undefined) parts.push(`${minimum} or more`);
  if (exclusiveMinimum !== undefined) parts.push(`more than ${exclusiveMinimum}`);
  if (maximum !== undefined) parts.push(`${maximum} or less`);
  if (exclusiveMaximum !== undefined) parts.push(`less than ${exclusiveMaximum}`);
  return parts.join(', ');
}

function countOf(least, most, noun) {
  if (least === undefined && most === undefined) return '';
  if (least === most) return counted(least, noun);
  if (most === undefined) return `${counted(least, noun)} or more`;
  return least === undefined ? `${counted(most, noun)} or fewer` : `${least} to ${counted(most, noun)}`;
}

/**
 * A count with its noun.
 *
 * @param {number} count
 * @param {string} noun in the singular
 * @returns {string}
 */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Values one after the other, the first eight of them.
 *
 * @param {unknown[]} values
 * @returns {string}
 */
export function listed(values) {
  const texts = values.map((value) => stringify(value));
  return texts.length <= 8 ? texts.join(', ') : `${texts.slice(0, 8).join(', ')}, …`;
}

/**
 * What a value is, as a noun.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function nameOfValue(value) {
  if (value === null || typeof value === 'boolean') return String(value);
  if (isNumber(value)) return `the number ${value}`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'text' : 'an object';
}

/**
 * A path in words, as the server's own errors have it: `filters.tags[2]`.
 *
 * @param {(string | number)[]} path
 * @returns {string}
 */
export function pathText(path) {
  return path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('').replace(/^\./, '');
}
