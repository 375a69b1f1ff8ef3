/**
 * What is wrong with a value, and where.
 *
 * @module
 */

import {compare, isInteger, isNumber, isObject, isSame, stringify} from './exact.js';
import {FORMATS, formatOf} from './formats.js';
import {fitsType, itemAt, kindOf, memberOf, onlyValue, resolve, variantsOf} from './schema.js';
import {counted, describe, listed, nameOfValue, phraseOf} from './wording.js';

/**
 * What is wrong at one place of a value.
 *
 * @typedef {{path: (string | number)[], text: string, missing?: boolean}} Fault
 */

/**
 * What is wrong with a value; nothing if it fits.
 *
 * What no document of ours says (`patternProperties`, `if`, …) is not looked at: the server has the last word.
 *
 * @param {unknown} value
 * @param {object | boolean | undefined} schema
 * @param {object} document
 * @param {(string | number)[]} [path] where the value stands
 * @returns {Fault[]}
 */
export function validate(value, schema, document, path = []) {
  const resolved = resolve(schema, document);
  const fault = (text) => [{path, text}];
  switch (kindOf(resolved)) {
    case 'none':
      return fault('nothing may stand here');
    case 'const':
      return isSame(value, onlyValue(resolved)) ? [] : fault(`must be ${stringify(onlyValue(resolved))}`);
    case 'enum':
      return resolved.enum.some((one) => isSame(one, value)) ? [] : fault(`must be one of ${listed(resolved.enum)}`);
    case 'union':
      return faultsOfUnion(value, resolved, document, path);
    default:
  }
  if (!fitsType(value, resolved)) return fault(`must be ${phraseOf(resolved)}, not ${nameOfValue(value)}`);
  if (isNumber(value)) return faultsOfNumber(value, resolved).flatMap(fault);
  if (typeof value === 'string') return faultsOfText(value, resolved).flatMap(fault);
  if (Array.isArray(value)) return faultsOfArray(value, resolved, document, path);
  return isObject(value) ? faultsOfObject(value, resolved, document, path) : [];
}

/**
 * Which kind of a union a value is.
 *
 * @param {unknown} value
 * @param {object[]} variants as `variantsOf` has them
 * @param {object} document
 * @returns {number} the first that fits it, else the one that it is meant to be; -1 if it is none of them
 */
export function variantOf(value, variants, document) {
  const fitting = variants.findIndex((variant) => validate(value, variant, document).length === 0);
  if (fitting >= 0) return fitting;
  const tagged = variants.findIndex(({tag}) => tag && isObject(value) && isSame(value[tag[0]], tag[1]));
  if (tagged >= 0) return tagged;
  const typed = variants.filter((variant) => fitsType(value, variant));
  return typed.length === 1 ? variants.indexOf(typed[0]) : -1;
}

function faultsOfUnion(value, schema, document, path) {
  const variants = variantsOf(schema, document);
  const index = variantOf(value, variants, document);
  if (index >= 0) return validate(value, variants[index], document, path);
  const names = variants.map((variant) => describe(variant, document));
  return [{path, text: `must be ${names.join(' or ')}, not ${nameOfValue(value)}`}];
}

function faultsOfNumber(value, schema) {
  const faults = [];
  const {minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf} = schema;
  if (minimum !== undefined && compare(value, minimum) < 0) faults.push(`must be ${minimum} or more`);
  if (exclusiveMinimum !== undefined && compare(value, exclusiveMinimum) <= 0) {
    faults.push(`must be more than ${exclusiveMinimum}`);
  }
  if (maximum !== undefined && compare(value, maximum) > 0) faults.push(`must be ${maximum} or less`);
  if (exclusiveMaximum !== undefined && compare(value, exclusiveMaximum) >= 0) {
    faults.push(`must be less than ${exclusiveMaximum}`);
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) faults.push(`must be a multiple of ${multipleOf}`);
  return faults;
}

function isMultiple(value, of) {
  if (isInteger(value) && isInteger(of) && /^-?\d+$/.test(String(value))) {
    return BigInt(String(value)) % BigInt(of) === 0n;
  }
  const quotient = Number(String(value)) / of;
  // 0.3 / 0.1 is 2.9999999999999996.
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
}

function faultsOfText(value, schema) {
  const faults = [];
  const length = [...value].length; // characters, not UTF-16 units
  if (length < schema.minLength) faults.push(`must have ${counted(schema.minLength, 'character')} or more`);
  if (length > schema.maxLength) faults.push(`must have ${counted(schema.maxLength, 'character')} or fewer`);
  if (schema.pattern !== undefined && !matches(value, schema.pattern)) faults.push(`must match ${schema.pattern}`);
  const format = FORMATS[formatOf(schema)];
  if (format !== undefined && !format.test(value)) faults.push(`must be ${format.phrase}`);
  return faults;
}

function matches(value, pattern) {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true; // A pattern of Python's alone: the server has the last word.
  }
}

function faultsOfArray(value, schema, document, path) {
  const faults = [];
  if (value.length < schema.minItems) {
    faults.push({path, text: `must have ${counted(schema.minItems, 'item')} or more, not ${value.length}`});
  }
  if (value.length > schema.maxItems) {
    faults.push({path, text: `must have ${counted(schema.maxItems, 'item')} or fewer, not ${value.length}`});
  }
  const seen = new Map();
  value.forEach((item, index) => {
    if (schema.uniqueItems) faults.push(...faultsOfTwin(item, index, seen, path));
    faults.push(...validate(item, itemAt(schema, index), document, [...path, index]));
  });
  return faults;
}

function faultsOfTwin(item, index, seen, path) {
  const text = stringify(item);
  if (!seen.has(text)) {
    seen.set(text, index);
    return [];
  }
  return [{path: [...path, index], text: `is the same as item ${seen.get(text) + 1}`}];
}

function faultsOfObject(value, schema, document, path) {
  const names = Object.keys(value);
  const faults = (schema.required ?? [])
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => ({path: [...path, name], text: 'is missing', missing: true}));
  if (names.length < schema.minProperties) {
    faults.push({path, text: `must have ${counted(schema.minProperties, 'member')} or more`});
  }
  if (names.length > schema.maxProperties) {
    faults.push({path, text: `must have ${counted(schema.maxProperties, 'member')} or fewer`});
  }
  for (const name of names) {
    const member = memberOf(schema, name);
    const place = [...path, name];
    if (member === false) faults.push({path: place, text: 'there is no such member'});
    else faults.push(...validate(value[name], member, document, place));
  }
  return faults;
}
