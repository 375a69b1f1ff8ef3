// What a page is told of all that comes, and how it may read it.

import assert from 'node:assert/strict';
import {before, test} from 'node:test';
import {client, Daemon} from './harness.mjs';

let daemon;
before(async () => (daemon = await Daemon.start()));

test('every notification and call of the server, beside who answers it', async (t) => {
  const rpc = client(t, daemon.ws);
  const seen = [];
  rpc.onrequest = (...request) => seen.push(request);
  rpc.expose('double', (number) => 2 * number);
  assert.equal(await rpc.call('test.ask', ['double', [21]]), 42);
  await rpc.call('test.tell', ['nobody.listens', {a: 1}]);
  assert.deepEqual(seen, [['double', [21], true], ['nobody.listens', {a: 1}, false]]);
});

test('a mistake of who is told is reported, and nothing else comes of it', async (t) => {
  const rpc = client(t, daemon.ws);
  rpc.onrequest = () => {
    throw new Error('a mistake of the page');
  };
  const mistake = new Promise((resolve) => t.mock.method(console, 'error', resolve));
  rpc.expose('double', (number) => 2 * number);
  assert.equal(await rpc.call('test.ask', ['double', [21]]), 42);
  assert.match((await mistake).message, /a mistake of the page/);
});

for (const scheme of ['ws', 'http']) {
  test(`numbers as the page reads them, by ${scheme}`, async (t) => {
    const parse = (text) => JSON.parse(text.replace(/\d{16,}/g, '"$&"'));
    const rpc = client(t, daemon[scheme], {parse});
    assert.equal(await rpc.call('test.echo', [2 ** 60]), '1152921504606847000');
  });
}
