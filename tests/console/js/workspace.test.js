import assert from 'node:assert/strict';
import {test} from 'node:test';

import {faultOfText} from '../../../twisted_rpc/pages/static/console/workspace.js';

test('parameters are an object or a list, whatever their names', () => {
  for (const text of ['', 'null', '{}', '[]', '{"constructor": 1}', '{"__proto__": 1}']) assert.equal(faultOfText(text), '', text);
  for (const text of ['1', '"a"', 'true', '9007199254740993']) assert.match(faultOfText(text), /an object .* or a list/, text);
});
