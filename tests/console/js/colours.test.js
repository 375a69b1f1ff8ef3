import assert from 'node:assert/strict';
import {test} from 'node:test';

import {tokensOf} from '../../../twisted_rpc/pages/static/console/colours.js';

const kinds = (text) => tokensOf(text).filter(([, kind]) => kind !== undefined && kind !== 'json-mark');

test('each token has its kind', () => {
  assert.deepEqual(kinds('{"a\\"b" : ["x:", -1.5e+3, true, null]}'), [
    ['"a\\"b"', 'json-name'], ['"x:"', 'json-text'], ['-1.5e+3', 'json-number'], ['true', 'json-word'], ['null', 'json-word'],
  ]);
  assert.deepEqual(kinds('{a: truex, "open\n'), [['a', 'json-wrong'], ['truex', 'json-wrong'], ['"open', 'json-text']]);
});

test('all of the text is there, whatever it is', () => {
  for (const text of ['', ' ', '{"a": 1}', '<b>&amp;</b>', '"\\', '"a"\n:', '\u0000\u2028', '}{][,:--"', '"é😀" :2']) {
    assert.equal(tokensOf(text).map(([token]) => token).join(''), text);
  }
});
