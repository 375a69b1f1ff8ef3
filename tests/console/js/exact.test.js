import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Exact, compare, isInteger, isSame, numberOf, parse, parseQuickly, stringify} from '../../../twisted_rpc/pages/static/console/exact.js';

test('what a double reproduces is a number', () => {
  for (const text of ['0', '-0', '1', '-7', '0.1', '1.50', '1e3', '1E+3', '9007199254740992', '1e300']) {
    assert.equal(numberOf(text), Number(text), text);
  }
});

test('what it does not keeps its digits', () => {
  for (const text of ['9007199254740993', '123456789012345678901', '0.1234567890123456789', '1e400', '-1e-400']) {
    assert.ok(numberOf(text) instanceof Exact, text);
    assert.equal(stringify([parse(text)]), `[${text}]`);
  }
});

test('what is no numeral is no number', () => {
  for (const text of ['', '-', '01', '1.', '.5', '+1', '1e', 'NaN', 'Infinity', '0x1', ' 1']) {
    assert.equal(numberOf(text), undefined, text);
  }
});

test('reading is what JSON.parse does', () => {
  const texts = [
    'null', ' [ ] ', '{}', '"\\u00e4\\n\\ud83d\\ude00"', '[1,[2,{"a":[true,false]}]]', '{"b":1,"a":2,"a":3}',
    '{"":{"x":"\u2028"}}', '\t[\r\n1 , 2 ]', `"${'x'.repeat(3_000_000)}"`,
  ];
  for (const text of texts) assert.deepEqual(parse(text), JSON.parse(text));
});

test('a member called __proto__ is a member', () => {
  const value = parse('{"__proto__":{"x":1}}');
  assert.equal(value.x, undefined);
  assert.equal(stringify(value), '{"__proto__":{"x":1}}');
});

test('what is no JSON is told with line and column', () => {
  const wrong = {
    '': 'line 1, column 1: a value is missing',
    '[1,\n 2': 'line 2, column 3: a comma or ] is missing',
    '[1,]': 'line 1, column 4: a value is missing',
    '{': 'line 1, column 2: a name in double quotes is missing',
    '{"a" 1}': 'line 1, column 6: a colon is missing',
    '{"a":1 "b"': 'line 1, column 8: a comma or } is missing',
    'nul': 'line 1, column 1: nul is no value; text stands in double quotes',
    "['a']": 'line 1, column 2: text stands in double quotes',
    '"ab': 'line 1, column 1: the text has no closing quote',
    '"a\\x"': 'line 1, column 3: no such escape',
    '"😀\t"': 'line 1, column 3: a control character in a text: write it as an escape',
    '[01]': 'line 1, column 2: no such number',
    '1 2': 'line 1, column 3: there is more after the end',
  };
  for (const [text, message] of Object.entries(wrong)) {
    assert.throws(() => parse(text), {name: 'JSONError', message}, text);
    assert.throws(() => JSON.parse(text), SyntaxError, text);
  }
});

test('depth is limited in words', () => {
  assert.throws(() => parse('['.repeat(100_000)), {name: 'JSONError', reason: 'more than 500 levels'});
});

test('writing is what JSON.stringify does', () => {
  const value = {a: [1, 'x"\n', null, true, {}, []], b: {c: 0.5}, d: undefined};
  assert.equal(stringify(value), JSON.stringify(value));
  assert.equal(stringify(value, 2), JSON.stringify(value, null, 2));
  assert.equal(stringify([10n ** 20n, -0]), '[100000000000000000000,-0]');
});

test('numbers are compared to the last digit', () => {
  const ascending = ['-1e400', '-9007199254740993', '-9007199254740992', '-0.1', '0', '0.09', '0.1', '1', '9007199254740992',
    '9007199254740993', '1e400'].map(numberOf);
  ascending.forEach((left, i) => ascending.forEach((right, j) => {
    assert.ok(Math.sign(compare(left, right)) === Math.sign(i - j), `${left} ${right}`); // -0 is 0
  }));
});

test('whole numbers are known by their value', () => {
  for (const text of ['1', '1.0', '1e2', '1.5e1', '0', '9007199254740993', '9007199254740993.0']) assert.ok(isInteger(numberOf(text)), text);
  for (const text of ['0.5', '1e-1', '9007199254740993.5']) assert.ok(!isInteger(numberOf(text)), text);
});

test('the same is the same to the last digit', () => {
  assert.ok(isSame(parse('{"a":[9007199254740993]}'), parse('{"a":[9007199254740993]}')));
  assert.ok(!isSame(parse('9007199254740993'), parse('9007199254740992')));
  assert.ok(!isSame(undefined, null));
  assert.ok(isSame(undefined, undefined));
});

test('what is read quickly keeps its digits as well', () => {
  const numerals = ['9007199254740993', '90071992.54740993', '12345678901.123456', '0.1000000000000000055', '1e400', '0.1', '-12.5', '0'];
  for (const text of numerals) assert.equal(stringify(parseQuickly(`{"a":[${text}]}`)), `{"a":[${text}]}`);
});
