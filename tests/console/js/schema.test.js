import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {numberOf, parse} from '../../../twisted_rpc/pages/static/console/exact.js';
import {defaultOf, kindOf, lookUp, resolve, variantsOf} from '../../../twisted_rpc/pages/static/console/schema.js';
import {variantOf, validate} from '../../../twisted_rpc/pages/static/console/validation.js';
import {describe, nameOfValue, pathText} from '../../../twisted_rpc/pages/static/console/wording.js';

const DOCUMENT = JSON.parse(readFileSync(process.env.DOCUMENT, 'utf8'));

/** The schema of a parameter, as msgspec writes it. */
function schemaOf(method, name) {
  return DOCUMENT.methods.find((one) => one.name === method).params.find((one) => one.name === name).schema;
}

/** What is wrong with a value, one line for each fault. */
function wrong(value, schema) {
  return validate(value, schema, DOCUMENT).map(({path, text}) => `${pathText(path)}: ${text}`);
}

/** Kind, words and beginning of each parameter. */
const EXPECTED = {
  'numbers.small': ['integer', 'integer, 1 to 100, a multiple of 2', 1],
  'numbers.large': ['integer', 'integer', 0],
  'numbers.share': ['number', 'number, more than 0, less than 1', 0.5],
  'numbers.exact': ['string', 'decimal number', '0'],
  'texts.text': ['string', 'text', ''],
  'texts.short': ['string', 'text, 1 to 3 characters, matching ^a', ''],
  'texts.key': ['string', 'UUID', '00000000-0000-0000-0000-000000000000'],
  'texts.data': ['string', 'bytes in Base64', ''],
  'times.day': ['string', 'date', '2026-01-01'],
  'times.moment': ['string', 'date and time', '2026-01-01T00:00:00Z'],
  'times.long': ['string', 'duration', 'PT0S'],
  'choices.color': ['enum', 'one of "blue", "red"', 'blue'],
  'choices.either': ['enum', 'one of null, 1, "a"', 1],
  'choices.yes': ['boolean', 'boolean', false],
  'choices.nothing': ['null', 'null', null],
  'choices.any': ['any', 'any', null],
  'containers.items': ['array', 'list of integer, 1 to 3 items', [0]],
  'containers.pair': ['tuple', '[integer; text]', [0, '']],
  'containers.unique': ['array', 'list of text, no two alike', []],
  'containers.table': ['map', 'object of integer', {}],
  'containers.named': ['object', 'Named', {}],
  'unions.maybe': ['union', 'integer or null', 0],
  'unions.pet': ['union', 'Cat or Dog or null', {type: 'cat'}],
  'unions.mixed': ['union', 'integer or text or list of integer', 0],
  'recursive.tree': ['object', 'Tree', {name: ''}],
  'recursive.chain': ['object', 'Chain', {next: null}],
};

for (const [place, [kind, words, value]] of Object.entries(EXPECTED)) {
  test(place, () => {
    const schema = schemaOf(...place.split('.'));
    assert.equal(kindOf(resolve(schema, DOCUMENT)), kind);
    assert.equal(describe(schema, DOCUMENT), words);
    assert.deepEqual(defaultOf(schema, DOCUMENT), value);
  });
}

test('a default, then an example, is what one begins with', () => {
  assert.equal(defaultOf({type: 'integer', default: 7, examples: [8]}, {}), 7);
  assert.equal(defaultOf({type: 'integer', examples: [8]}, {}), 8);
  assert.equal(defaultOf({type: 'integer', exclusiveMaximum: 0}, {}), -1);
  assert.equal(defaultOf({type: 'integer', minimum: -5, maximum: -3}, {}), -3);
  assert.equal(defaultOf(undefined, {}), null);
});

test('a type that cannot end has nothing to begin with', () => {
  const document = {a: {type: 'object', properties: {a: {$ref: '#/a'}}, required: ['a']}};
  assert.equal(defaultOf({$ref: '#/a'}, document), undefined);
  assert.deepEqual(defaultOf({type: 'array', items: {$ref: '#/a'}}, document), []);
  assert.equal(defaultOf({type: 'array', items: {$ref: '#/a'}, minItems: 1}, document), undefined);
});

test('references are followed, in circles too', () => {
  const document = {'x/y': {'~': {type: 'integer', title: 'there'}}, c: {$ref: '#/d'}, d: {$ref: '#/c'}};
  assert.deepEqual(resolve({$ref: '#/x~1y/~0', title: 'here'}, document), {type: 'integer', title: 'here'});
  assert.equal(kindOf(resolve({$ref: '#/c'}, document)), 'any');
  assert.equal(kindOf(resolve({$ref: '#/nowhere/at/all'}, document)), 'any');
  assert.equal(kindOf(resolve(false, document)), 'none');
  assert.equal(lookUp('elsewhere.json', document), undefined);
  assert.equal(lookUp('#/constructor', document), undefined);
});

test('names that every object has mean nothing', () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    assert.deepEqual(validate('x', {type: 'string', format: name}, {}), []);
    assert.equal(describe({type: 'string', format: name}, {}), 'text');
    assert.equal(defaultOf({type: name}, {}), undefined);
    const made = defaultOf({type: 'object', properties: {[name]: {type: 'integer'}}, required: [name]}, {});
    assert.deepEqual(Object.entries(made), [[name, 0]]);
  }
});

test('values that fit have no faults', () => {
  const fitting = [
    ['numbers', 'small', 2], ['numbers', 'large', numberOf('123456789012345678901')], ['numbers', 'large', 1.0],
    ['numbers', 'share', 0.5], ['numbers', 'exact', '-12.50'], ['texts', 'short', 'aé😀'], ['texts', 'data', 'aGk='],
    ['texts', 'key', '12345678-1234-1234-1234-123456789abc'], ['times', 'day', '2024-02-29'], ['times', 'long', 'P1DT2.5H'],
    ['times', 'moment', '2026-01-31T23:59:00.5+02:00'], ['choices', 'color', 'red'], ['choices', 'either', null],
    ['choices', 'any', {x: []}], ['containers', 'pair', [1, 'x']], ['containers', 'named', {other: 1}], ['unions', 'maybe', null],
    ['unions', 'pet', {type: 'dog', bark: 'wow'}], ['unions', 'mixed', [1]],
    ['recursive', 'tree', {name: 'a', children: [{name: 'b'}]}], ['recursive', 'chain', {next: {next: null}}],
  ];
  for (const [method, name, value] of fitting) assert.deepEqual(wrong(value, schemaOf(method, name)), [], `${method}.${name}`);
});

test('what is wrong is told with its place', () => {
  const cases = [
    ['numbers', 'small', 101, [': must be 100 or less', ': must be a multiple of 2']],
    ['numbers', 'small', '2', [': must be an integer, not text']],
    ['numbers', 'small', numberOf('99999999999999999999'), [': must be 100 or less', ': must be a multiple of 2']],
    ['numbers', 'large', 0.5, [': must be an integer, not the number 0.5']],
    ['numbers', 'share', 1, [': must be less than 1']],
    ['numbers', 'share', 0, [': must be more than 0']],
    ['numbers', 'exact', '1,5', [': must be a decimal number such as 12.50']],
    ['texts', 'text', null, [': must be text, not null']],
    ['texts', 'short', 'bcde', [': must have 3 characters or fewer', ': must match ^a']],
    ['texts', 'short', '', [': must have 1 character or more', ': must match ^a']],
    ['texts', 'data', 'x', [': must be Base64']],
    ['times', 'day', '2026-02-30', [': must be a date such as 2026-01-31']],
    ['times', 'moment', 'now', [': must be a date and time such as 2026-01-31T23:59:00Z']],
    ['choices', 'color', 'green', [': must be one of "blue", "red"']],
    ['choices', 'nothing', 0, [': must be null, not the number 0']],
    ['choices', 'yes', 1, [': must be true or false, not the number 1']],
    ['containers', 'items', [], [': must have 1 item or more, not 0']],
    ['containers', 'items', [1, 'x'], ['[1]: must be an integer, not text']],
    ['containers', 'items', {}, [': must be a list, not an object']],
    ['containers', 'pair', [1, 'x', 2], [': must have 2 items or fewer, not 3', '[2]: nothing may stand here']],
    ['containers', 'unique', ['a', 'b', 'a'], ['[2]: is the same as item 1']],
    ['containers', 'table', {a: 'x'}, ['a: must be an integer, not text']],
    ['unions', 'maybe', 'x', [': must be integer or null, not text']],
    ['unions', 'pet', {type: 'cat', lives: 10}, ['lives: must be 9 or less']],
    ['unions', 'pet', {type: 'dog', bark: 'x', more: 1}, ['more: there is no such member']],
    ['unions', 'mixed', [1, 'x'], ['[1]: must be an integer, not text']],
    ['recursive', 'tree', {name: 'a', children: [{}]}, ['children[0].name: is missing']],
  ];
  for (const [method, name, value, expected] of cases) {
    assert.deepEqual(wrong(value, schemaOf(method, name)), expected, `${method}.${name}`);
  }
});

test('multiples are told from what is almost one', () => {
  assert.deepEqual(validate(0.3, {type: 'number', multipleOf: 0.1}, {}), []);
  assert.equal(validate(0.35, {type: 'number', multipleOf: 0.1}, {}).length, 1);
  assert.equal(validate(numberOf('10000000000000000000001'), {type: 'integer', multipleOf: 2}, {}).length, 1);
});

test('members are counted, and the rest of an object has a type', () => {
  const schema = {type: 'object', additionalProperties: {type: 'boolean'}, minProperties: 2, maxProperties: 2};
  assert.deepEqual(wrong({}, schema), [': must have 2 members or more']);
  assert.deepEqual(wrong({a: true, b: 1, c: true}, schema), [': must have 2 members or fewer', 'b: must be true or false, not the number 1']);
  assert.equal(describe(schema, {}), 'object of boolean, 2 members');
});

test('a pattern that JavaScript does not know is the server\'s business', () => {
  assert.deepEqual(validate('x', {type: 'string', pattern: '(?P<name>y)'}, {}), []);
});

test('const and lists of types', () => {
  assert.deepEqual(wrong('b', {const: 'a'}), [': must be "a"']);
  assert.deepEqual(wrong('a', {const: 'a'}), []);
  assert.equal(describe({type: ['integer', 'null']}, {}), 'integer or null');
  assert.deepEqual(wrong(null, {type: ['integer', 'null']}), []);
});

test('a value is the kind of a union that fits, or that it is meant to be', () => {
  const variants = variantsOf(resolve(schemaOf('unions', 'pet'), DOCUMENT), DOCUMENT);
  const kind = (text) => variantOf(parse(text), variants, DOCUMENT);
  assert.deepEqual(variants.map(({tag}) => tag), [['type', 'cat'], ['type', 'dog'], undefined]);
  assert.equal(kind('{"type":"dog","bark":"wow"}'), 1);
  assert.equal(kind('{"type":"dog"}'), 1);
  assert.equal(kind('null'), 2);
  assert.equal(kind('{"type":"cow"}'), -1);
  assert.equal(kind('7'), -1);
});

test('words for limits', () => {
  const words = (schema) => describe(schema, {});
  assert.equal(words({type: 'string', minLength: 2}), 'text, 2 characters or more');
  assert.equal(words({type: 'string', maxLength: 1}), 'text, 1 character or fewer');
  assert.equal(words({type: 'string', minLength: 2, maxLength: 2}), 'text, 2 characters');
  assert.equal(words({type: 'integer', minimum: 1}), 'integer, 1 or more');
  assert.equal(words({type: 'integer', maximum: 1}), 'integer, 1 or less');
  assert.equal(words({enum: [1, 2, 3, 4, 5, 6, 7, 8, 9]}), 'one of 1, 2, 3, 4, 5, 6, 7, 8, …');
  assert.equal(words({type: 'array'}), 'list');
  assert.equal(words(false), 'none');
  assert.equal(nameOfValue([]), 'a list');
});

test('words for a type that contains itself come to an end', () => {
  const document = {a: {type: 'array', items: {$ref: '#/a'}}};
  assert.equal(describe({$ref: '#/a'}, document), 'list of list of list of list of …');
});

test('a tuple of draft 7 is one', () => {
  const schema = {type: 'array', items: [{type: 'integer'}, {type: 'string'}], additionalItems: false};
  assert.equal(describe(schema, {}), '[integer; text]');
  assert.deepEqual(wrong([1, 2, 3], schema), ['[1]: must be text, not the number 2', '[2]: nothing may stand here']);
});
