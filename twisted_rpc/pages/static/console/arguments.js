/**
 * The parameters of a call, told apart by the names that the method gives them.
 *
 * A method's parameters are content descriptors of OpenRPC; one with `x-rest` stands for any number of further ones.
 *
 * @module
 */

import {isObject} from './exact.js';
import {lookUp} from './schema.js';
import {validate} from './validation.js';
import {nameOfValue} from './wording.js';

/**
 * A parameter.
 *
 * @typedef {{name: string, description?: string, required?: boolean, schema: object, isRest: boolean}} Parameter
 */

/**
 * What a method takes.
 *
 * @param {object} method of the document
 * @param {object} document
 * @returns {Parameter[]}
 */
export function parametersOf(method, document) {
  return (method.params ?? [])
    .map((given) => (typeof given.$ref === 'string' ? (lookUp(given.$ref, document) ?? {name: '?'}) : given))
    .map((found) => ({...found, schema: found.schema ?? {}, isRest: found['x-rest'] === true}));
}

/**
 * Whether a method's parameters go into an array.
 *
 * @param {object} method
 * @param {unknown} value the parameters so far
 * @returns {boolean} what the value is where it may be either; names where nothing says anything
 */
export function isByPosition(method, value) {
  if (method.paramStructure === 'by-position') return true;
  return method.paramStructure !== 'by-name' && Array.isArray(value);
}

/**
 * The values of a method's parameters.
 *
 * @param {object} method
 * @param {Parameter[]} parameters
 * @param {object | unknown[] | undefined} value
 * @returns {unknown[]} one for each, undefined where it is left out; that of a rest is an array or an object
 */
export function valuesOf(method, parameters, value) {
  const items = value === undefined && isByPosition(method, value) ? [] : value;
  if (Array.isArray(items)) return parameters.map(({isRest}, index) => (isRest ? items.slice(index) : items[index]));
  const members = isObject(value) ? value : {};
  return parameters.map(({name, isRest}) => {
    if (isRest) return restOf(parameters, members);
    return Object.hasOwn(members, name) ? members[name] : undefined;
  });
}

/** The members that are no parameter's. */
function restOf(parameters, members) {
  const names = new Set(parameters.filter(({isRest}) => !isRest).map(({name}) => name));
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.has(name)));
}

/**
 * The parameters with another value for one of them. All else stays as it is, also what no parameter is for.
 *
 * By position nothing can be left out before something that is given: the parameters go by name then where the method takes
 * that, else null stands there.
 *
 * @param {object} method
 * @param {Parameter[]} parameters
 * @param {object | unknown[] | undefined} value
 * @param {number} index of the parameter
 * @param {unknown} given undefined to leave it out
 * @returns {object | unknown[]}
 */
export function withValue(method, parameters, value, index, given) {
  const isArray = isByPosition(method, value);
  if (!isArray) return withMember(parameters, isObject(value) ? value : {}, index, given);
  const items = Array.isArray(value) ? value : [];
  const made = parameters[index].isRest ? [...Array.from({length: index}, (_, at) => items[at]), ...given] : withItem(items, index, given);
  while (made.length > 0 && made.at(-1) === undefined) made.pop();
  const hasGap = Array.from(made).includes(undefined);
  if (hasGap && method.paramStructure !== 'by-position' && made.length <= parameters.length) {
    return Object.fromEntries(Array.from(made, (item, at) => [parameters[at].name, item]).filter(([, item]) => item !== undefined));
  }
  return Array.from(made, (item) => (item === undefined ? null : item));
}

function withMember(parameters, members, index, given) {
  const {name, isRest} = parameters[index];
  if (isRest) {
    const known = Object.entries(members).filter(([key]) => parameters.some((one) => !one.isRest && one.name === key));
    return {...Object.fromEntries(known), ...given};
  }
  const {[name]: _, ...others} = members;
  if (given === undefined) return others;
  return {...members, [name]: given};
}

function withItem(items, index, given) {
  const made = [...items];
  made[index] = given;
  return made;
}

/**
 * What is wrong with the parameters of a call.
 *
 * @param {object} method
 * @param {object} document
 * @param {unknown} value the parameters; undefined for none
 * @returns {import('./validation.js').Fault[]} the first step of each path is the name of a parameter; `isShape` where
 *   nothing can be told of any
 */
export function faultsOfCall(method, document, value) {
  const parameters = parametersOf(method, document);
  const shape = faultOfShape(method, parameters, value);
  if (shape !== undefined) return [{path: [], text: shape, isShape: true}];
  const values = valuesOf(method, parameters, value);
  const faults = parameters.flatMap(({name, required, schema, isRest}, index) => {
    const found = values[index];
    if (isRest) return Object.keys(found).flatMap((key) => validate(found[key], schema, document, [name, stepOf(found, key)]));
    if (found !== undefined) return validate(found, schema, document, [name]);
    return required ? [{path: [name], text: 'is missing', missing: true}] : [];
  });
  return [...faults, ...faultsOfSurplus(parameters, value)];
}

function stepOf(container, key) {
  return Array.isArray(container) ? Number(key) : key;
}

function faultOfShape(method, parameters, value) {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) && !isObject(value)) return `the parameters must be an object or a list, not ${nameOfValue(value)}`;
  const isArray = Array.isArray(value);
  if (isArray && method.paramStructure === 'by-name' && value.length > 0) return 'the parameters go by name: an object';
  if (!isArray && method.paramStructure === 'by-position' && Object.keys(value).length > 0) {
    return 'the parameters go by position: a list';
  }
  return undefined;
}

function faultsOfSurplus(parameters, value) {
  if (value === undefined || parameters.some(({isRest}) => isRest)) return [];
  if (!Array.isArray(value)) {
    return Object.keys(restOf(parameters, value)).map((name) => ({path: [name], text: 'there is no such parameter'}));
  }
  const count = parameters.length;
  return value.length > count ? [{path: [], text: `there are ${value.length} parameters, and the method takes ${count}`}] : [];
}
