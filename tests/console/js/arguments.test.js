import assert from 'node:assert/strict';
import {test} from 'node:test';

import {faultsOfCall, isByPosition, parametersOf, valuesOf, withValue} from '../../../twisted_rpc/pages/static/console/arguments.js';
import {pathText} from '../../../twisted_rpc/pages/static/console/wording.js';

const number = {type: 'integer'};
const either = {
  name: 'm',
  paramStructure: 'either',
  params: [{name: 'a', required: true, schema: number}, {name: 'b', schema: number}, {$ref: '#/c'}],
};
const document = {c: {name: 'c', schema: {type: 'string'}}};
const positional = {...either, paramStructure: 'by-position'};
const named = {...either, paramStructure: 'by-name'};
const args = {name: 'm', paramStructure: 'by-position', params: [{name: 'a', schema: number}, {name: 'args', schema: number, 'x-rest': true}]};
const kwargs = {...args, paramStructure: 'by-name'};

const put = (method, value, index, given) => withValue(method, parametersOf(method, document), value, index, given);
const get = (method, value) => valuesOf(method, parametersOf(method, document), value);
const wrong = (method, value) => faultsOfCall(method, document, value).map(({path, text}) => `${pathText(path)}: ${text}`);

test('values are found by name and by position', () => {
  assert.deepEqual(get(either, {a: 1, c: 'x', d: 2}), [1, undefined, 'x']);
  assert.deepEqual(get(either, [1, 2]), [1, 2, undefined]);
  assert.deepEqual(get(either, undefined), [undefined, undefined, undefined]);
  assert.deepEqual(get(either, 7), [undefined, undefined, undefined]);
  assert.deepEqual(get(args, [1, 2, 3]), [1, [2, 3]]);
  assert.deepEqual(get(kwargs, {a: 1, x: 2}), [1, {x: 2}]);
});

test('what is there decides, where either will do', () => {
  assert.equal(isByPosition(either, undefined), false);
  assert.equal(isByPosition(either, [1]), true);
  assert.equal(isByPosition({name: 'm'}, {a: 1}), false);
  assert.equal(isByPosition(positional, undefined), true);
  assert.equal(isByPosition(named, [1]), false);
});

test('a value goes to its place, and all else stays', () => {
  assert.deepEqual(put(either, {z: 9, a: 1}, 1, 2), {z: 9, a: 1, b: 2});
  assert.deepEqual(Object.keys(put(either, {a: 1, b: 2}, 0, 3)), ['a', 'b']);
  assert.deepEqual(put(either, {a: 1, b: 2}, 1, undefined), {a: 1});
  assert.deepEqual(put(either, [1, 2], 1, 3), [1, 3]);
  assert.deepEqual(put(either, [1, 2, 'x', 'more'], 0, 3), [3, 2, 'x', 'more']);
  assert.deepEqual(put(either, undefined, 0, 1), {a: 1});
  assert.deepEqual(put(positional, undefined, 0, 1), [1]);
});

test('a gap makes names of positions, or null', () => {
  assert.deepEqual(put(either, [1], 2, 'x'), {a: 1, c: 'x'});
  assert.deepEqual(put(either, [1, 2, 'x'], 1, undefined), {a: 1, c: 'x'});
  assert.deepEqual(put(positional, [1], 2, 'x'), [1, null, 'x']);
  assert.deepEqual(put(either, [1, 2], 1, undefined), [1]);
});

test('a rest is what follows', () => {
  assert.deepEqual(put(args, [1, 2], 1, [5, 6]), [1, 5, 6]);
  assert.deepEqual(put(args, undefined, 1, [5]), [null, 5]);
  assert.deepEqual(put(kwargs, {a: 1, x: 2}, 1, {y: 3}), {a: 1, y: 3});
});

test('what is wrong is told by the name of the parameter', () => {
  assert.deepEqual(wrong(either, {b: 'x', d: 1}), ['a: is missing', 'b: must be an integer, not text', 'd: there is no such parameter']);
  assert.deepEqual(wrong(either, [1, 2, 'x', 4]), [': there are 4 parameters, and the method takes 3']);
  assert.deepEqual(wrong(either, ['x']), ['a: must be an integer, not text']);
  assert.deepEqual(wrong(either, undefined), ['a: is missing']);
  assert.deepEqual(wrong(either, 7), [': the parameters must be an object or a list, not the number 7']);
  assert.deepEqual(wrong(named, [1]), [': the parameters go by name: an object']);
  assert.deepEqual(wrong(positional, {a: 1}), [': the parameters go by position: a list']);
  assert.deepEqual(wrong(args, [1, 2, 'x']), ['args[1]: must be an integer, not text']);
  assert.deepEqual(wrong(kwargs, {a: 1, x: 'y'}), ['args.x: must be an integer, not text']);
  assert.deepEqual(wrong({name: 'm'}, undefined), []);
});

test('a rest by position is a list from the beginning', () => {
  assert.deepEqual(get(args, undefined), [undefined, []]);
  assert.deepEqual(get(kwargs, undefined), [undefined, {}]);
});

test('what begins by position begins without its rest', () => {
  assert.deepEqual(put(args, undefined, 0, 1), [1]);
});
