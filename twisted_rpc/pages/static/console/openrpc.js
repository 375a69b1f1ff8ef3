/** What an OpenRPC document says of methods, in the form the console shows it in. */

import {stringify} from './exact.js';
import {initialParams} from './form.js';
import {resolve} from './schema.js';

const byName = (left, right) => (left.name < right.name ? -1 : Number(left.name > right.name));

/**
 * A document of names alone, for a server that tells no more.
 *
 * @param {string[]} names of methods
 * @returns {object} as OpenRPC has it; `bare` says that nothing is known of parameters
 */
export function documentOfNames(names) {
  return {info: {}, bare: true, methods: names.map((name) => ({name, params: []}))};
}

/** The names of a method's tags; without any, its namespace. */
function tagsOf(method, document) {
  const names = (method.tags ?? []).map((tag) => resolve(tag, document).name).filter(Boolean);
  if (names.length) return names;
  const dot = method.name.lastIndexOf('.');
  return [dot < 0 ? '' : method.name.slice(0, dot)];
}

function summaryOfTag(name, document) {
  const tags = [...(document.tags ?? []), ...Object.values(document.components?.tags ?? {})];
  for (const method of document.methods) tags.push(...(method.tags ?? []));
  const tag = tags.find((tag) => tag.name === name && (tag.summary || tag.description));
  return tag?.summary ?? tag?.description ?? '';
}

/** How well a method fits what somebody looks for; 0 if it does not. */
function fits(method, words) {
  const name = method.name.toLowerCase();
  const text = `${method.summary ?? ''} ${method.description ?? ''}`.toLowerCase();
  return words.every((word) => name.includes(word) || text.includes(word));
}

/**
 * The methods that somebody looks for, by their tags.
 *
 * @param {object} document an OpenRPC document
 * @param {string} [query] words; each has to be in the name, the summary or the description
 * @returns {{name: string, summary: string, methods: object[]}[]} in alphabetical order
 */
export function groupsOf(document, query = '') {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const method of [...document.methods].sort(byName)) {
    if (!fits(method, words)) continue;
    const [name] = tagsOf(method, document);
    if (!groups.has(name)) groups.set(name, {name, summary: summaryOfTag(name, document), methods: []});
    groups.get(name).methods.push(method);
  }
  return [...groups.values()].sort(byName);
}

/** The method of a name; undefined if the visitor has none. */
export function methodOf(document, name) {
  return document?.methods.find((method) => method.name === name);
}

/**
 * What the server says it sends by itself.
 *
 * @returns {{notifications: object[], calls: object[]}} each described as a method is
 */
export function eventsOf(document) {
  const declared = (member) => [...(document?.[member] ?? [])].sort(byName);
  return {notifications: declared('x-notifications'), calls: declared('x-calls')};
}

/** The errors that a method declares. */
export function errorsOf(method, document) {
  return (method.errors ?? []).map((error) => resolve(error, document));
}

/** The parameters of a method, with their references followed. */
export function paramsOf(method, document) {
  return (method.params ?? []).map((param) => resolve(param, document));
}

/**
 * The examples of a method, each with its parameters as they are sent.
 *
 * @param {object} method of the document
 * @param {object} document what references lead into
 * @returns {{name: string, params: object|unknown[], result: unknown, hasResult: boolean}[]}
 */
export function examplesOf(method, document) {
  const follow = (example) => resolve(example, document);
  const short = (name) => (name?.startsWith(`${method.name} `) ? name.slice(method.name.length + 1) : name);
  return (method.examples ?? []).map(follow).map((pairing, index) => {
    const params = (pairing.params ?? []).map(follow);
    const byPosition = method.paramStructure === 'by-position' || params.some((param) => !param.name);
    const result = pairing.result && follow(pairing.result);
    return {
      name: pairing.summary || short(pairing.name) || `Example ${index + 1}`,
      params: byPosition
        ? params.map((param) => param.value)
        : Object.fromEntries(params.map((param) => [param.name, param.value])),
      result: result?.value,
      hasResult: result !== undefined,
    };
  });
}

/**
 * What stands in the editor when a method is opened for the first time.
 *
 * @returns {string} JSON, or nothing for a method that takes nothing
 */
export function firstText(method, document) {
  const [example] = examplesOf(method, document);
  if (example) return stringify(example.params, 2);
  const params = initialParams(method, document);
  return params === undefined ? '' : stringify(params, 2);
}

/**
 * The method that somebody should try first: it has an example, or needs little.
 *
 * @returns {object|undefined} undefined if there is none at all
 */
export function firstToTry(document) {
  const cost = (method) =>
    (method.deprecated ? 100 : 0) +
    (method.name.startsWith('rpc.') || method.name.startsWith('admin.') ? 50 : 0) +
    (method.examples?.length ? 0 : 10) +
    // With one or two parameters there is something to see, and little to fill in.
    Math.abs(1.5 - (method.params ?? []).filter((param) => param.required).length);
  return [...document.methods].sort(byName).sort((left, right) => cost(left) - cost(right))[0];
}
