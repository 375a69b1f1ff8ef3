/**
 * JSON Schema (draft 7, which OpenRPC 1.3 has, and 2020-12), as far as the OpenRPC document of a daemon uses it: which kind
 * of value it is for, and one to begin with.
 *
 * A schema is an object, or `true` for any value and `false` for none. `document` is the OpenRPC document that `$ref`
 * leads into.
 *
 * @module
 */

import {isInteger, isNumber, isObject, isSame} from './exact.js';
import {FORMATS, formatOf} from './formats.js';

const ANY = Object.freeze({});
const NONE = Object.freeze({not: ANY});

/**
 * Follow the references of a schema; what stands beside one counts as well.
 *
 * @param {object | boolean | undefined} schema
 * @param {object} document
 * @returns {object} without `$ref` at its top
 */
export function resolve(schema, document) {
  let found = asObject(schema);
  const seen = new Set();
  while (typeof found.$ref === 'string') {
    const {$ref, ...beside} = found;
    if (seen.has($ref)) return ANY;
    seen.add($ref);
    found = {...asObject(lookUp($ref, document)), ...beside};
  }
  return Array.isArray(found.items) ? withPrefix(found) : found;
}

/** A tuple of draft 7 as 2020-12 writes it. */
function withPrefix({items, additionalItems, ...rest}) {
  return {...rest, prefixItems: items, ...(additionalItems === undefined ? {} : {items: additionalItems})};
}

function asObject(schema) {
  if (schema === false) return NONE;
  return isObject(schema) ? schema : ANY;
}

/**
 * What a reference leads to.
 *
 * @param {string} pointer `#/…`, a JSON pointer (RFC 6901) in a URI fragment
 * @param {object} document
 * @returns {unknown} undefined if it leads nowhere
 */
export function lookUp(pointer, document) {
  if (!pointer.startsWith('#/')) return undefined;
  let found = document;
  for (const step of pointer.slice(2).split('/')) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    found = found !== null && typeof found === 'object' && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

/**
 * Which kind of field shows a schema.
 *
 * @param {object} schema resolved
 * @returns {'any' | 'none' | 'const' | 'enum' | 'union' | 'null' | 'boolean' | 'integer' | 'number' | 'string'
 *   | 'array' | 'tuple' | 'object' | 'map'}
 */
export function kindOf(schema) {
  if (schema.not !== undefined) return 'none';
  if (Object.hasOwn(schema, 'const')) return 'const';
  if (Array.isArray(schema.enum)) return schema.enum.length === 1 ? 'const' : 'enum';
  if (alternatives(schema) !== undefined) return 'union';
  if (schema.prefixItems !== undefined) return 'tuple';
  if (schema.properties !== undefined) return 'object';
  if (schema.type === 'object') return 'map';
  return schema.type ?? 'any';
}

/**
 * The only value of a `const`.
 *
 * @param {object} schema resolved, of kind `const`
 * @returns {unknown}
 */
export function onlyValue(schema) {
  return Object.hasOwn(schema, 'const') ? schema.const : schema.enum[0];
}

function alternatives(schema) {
  const listed = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(listed)) return listed;
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({...schema, type}));
  return undefined;
}

/**
 * The kinds that a union has; a union within it adds its own.
 *
 * @param {object} schema resolved, of kind `union`
 * @param {object} document
 * @returns {object[]} resolved; each has a `tag` of `[property, value]` where a property tells it apart
 */
export function variantsOf(schema, document) {
  const property = schema.discriminator?.propertyName;
  return alternatives(schema).flatMap((alternative) => {
    const variant = resolve(alternative, document);
    if (kindOf(variant) === 'union') return variantsOf(variant, document);
    const tag = property === undefined ? undefined : resolve(variant.properties?.[property], document);
    if (tag === undefined || kindOf(tag) !== 'const') return [variant];
    return [{...variant, tag: [property, onlyValue(tag)]}];
  });
}

/**
 * A value to begin with: its default, its first example, else the least that is of its type.
 *
 * @param {object | boolean | undefined} schema
 * @param {object} document
 * @returns {unknown} undefined for a type that contains itself without an end
 */
export function defaultOf(schema, document) {
  return beginning(schema, document, []);
}

function beginning(schema, document, above) {
  const resolved = resolve(schema, document);
  if (resolved.default !== undefined) return resolved.default;
  if (resolved.examples?.length > 0) return resolved.examples[0];
  const reference = isObject(schema) ? schema.$ref : undefined;
  if (reference !== undefined && above.includes(reference)) return undefined;
  const within = reference === undefined ? above : [...above, reference];
  return BEGINNINGS[kindOf(resolved)]?.(resolved, document, within);
}

const BEGINNINGS = {
  __proto__: null,
  any: () => null,
  null: () => null,
  const: (schema) => onlyValue(schema),
  enum: (schema) => schema.enum.find((value) => value !== null),
  boolean: () => false,
  integer: (schema) => leastNumber(schema, 1),
  number: (schema) => leastNumber(schema, 0),
  string: (schema) => FORMATS[formatOf(schema)]?.example ?? '',
  map: () => ({}),
  union: (schema, document, above) => {
    // The whole schema of each, so that a reference to what is above is seen.
    const found = alternatives(schema).map((each) => beginning(each, document, above));
    return found.find((value) => value !== undefined && value !== null) ?? found.find((value) => value !== undefined);
  },
  array: (schema, document, above) => firstItems(schema, document, above, schema.minItems ?? 0),
  tuple: (schema, document, above) => firstItems(schema, document, above, schema.prefixItems.length),
  object: (schema, document, above) => {
    const members = (schema.required ?? []).map((name) => [name, beginning(memberOf(schema, name), document, above)]);
    return members.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(members);
  },
};

function firstItems(schema, document, above, count) {
  const items = Array.from({length: count}, (_, index) => beginning(itemAt(schema, index), document, above));
  return items.includes(undefined) ? undefined : items;
}

/** 0, or the number nearest to it that the limits allow. */
function leastNumber({minimum, exclusiveMinimum, maximum, exclusiveMaximum}, step) {
  const above = exclusiveMinimum === undefined ? minimum : exclusiveMinimum + (step || 0.5);
  const below = exclusiveMaximum === undefined ? maximum : exclusiveMaximum - (step || 0.5);
  if (above > 0) return above;
  return below < 0 ? below : 0;
}

/**
 * The schema of one element of an array.
 *
 * @param {object} schema resolved, of an array
 * @param {number} index
 * @returns {object | boolean}
 */
export function itemAt(schema, index) {
  return schema.prefixItems?.[index] ?? schema.items ?? true;
}

/**
 * The schema of one member of an object.
 *
 * @param {object} schema resolved, of an object
 * @param {string} name
 * @returns {object | boolean}
 */
export function memberOf(schema, name) {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return schema.additionalProperties ?? true;
}

const TYPES = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => isNumber(value) && isInteger(value),
  number: isNumber,
  string: (value) => typeof value === 'string',
  array: Array.isArray,
  object: isObject,
};

/**
 * The type that the values of a schema have.
 *
 * @param {object} schema resolved
 * @returns {string | undefined} undefined if they may be of several
 */
export function typeOf(schema) {
  const kind = kindOf(schema);
  if (kind === 'tuple') return 'array';
  if (kind === 'map' || kind === 'object') return 'object';
  return Object.hasOwn(TYPES, kind) ? kind : undefined;
}

/**
 * Whether a value is of the type of a schema, whatever else is wrong with it.
 *
 * @param {unknown} value
 * @param {object} schema resolved
 * @returns {boolean}
 */
export function fitsType(value, schema) {
  const kind = kindOf(schema);
  if (kind === 'const') return isSame(value, onlyValue(schema));
  if (kind === 'enum') return schema.enum.some((one) => isSame(one, value));
  return TYPES[typeOf(schema)]?.(value) ?? true;
}
