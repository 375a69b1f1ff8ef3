// What waits while there is no connection, and how much of it.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {client, ConnectionLost, errorOf, scripted} from './harness.mjs';

/** A client that is not let in before `open` is called, and the server it is a client of. */
async function held(t, offline, options = {}) {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  const server = await scripted(t, (socket, text) => {
    const items = [JSON.parse(text)].flat().filter(({id}) => id !== undefined);
    const answers = items.map(({id, method}) => ({jsonrpc: '2.0', id, result: method}));
    if (answers.length) socket.send(JSON.stringify(text[0] === '[' ? answers : answers[0]));
  });
  const auth = () => opened.then(() => null);
  return {rpc: client(t, server.url, {auth, offline, ...options}), server, open};
}

const methods = ({received}) =>
  received.map((text) => [JSON.parse(text)].flat().map(({method}) => method).join('+'));

test('everything in its order', async (t) => {
  const {rpc, server, open} = await held(t);
  const results = [rpc.call('a'), rpc.notify('b'), ...rpc.batch((batch) => [
    batch.call('c'), batch.notify('d'), batch.call('e'),
  ])];
  open();
  assert.deepEqual(await Promise.all(results), ['a', undefined, 'c', undefined, 'e']);
  assert.deepEqual(methods(server), ['a', 'b', 'c+d+e']);
});

test('what is called when it is told that it is connected goes first', async (t) => {
  const {rpc, server, open} = await held(t);
  rpc.onstate = (state) => state === 'connected' && rpc.call('first');
  const call = rpc.call('second');
  open();
  await call;
  assert.deepEqual(methods(server), ['first', 'second']);
});

test('no more than so many messages', async (t) => {
  const {rpc, open} = await held(t, {size: 2});
  const kept = [rpc.call('a'), ...rpc.batch((batch) => [batch.call('b'), batch.call('c')])];
  const error = await errorOf(rpc.call('d'));
  assert.ok(error instanceof ConnectionLost);
  const full = 'd: there is no connection, and 2 messages or 1048576 bytes wait already';
  assert.equal(error.message, full);
  assert.ok((await errorOf(rpc.notify('e'))) instanceof ConnectionLost);
  rpc.notify('f'); // and nobody need hear of it
  open();
  assert.deepEqual(await Promise.all(kept), ['a', 'b', 'c']);
});

test('no more than so many bytes', async (t) => {
  const empty = JSON.stringify({jsonrpc: '2.0', method: 'a', params: [''], id: 1}).length;
  const {rpc, open} = await held(t, {bytes: 2 * empty + 4});
  const kept = [rpc.call('a', ['€']), rpc.call('b', ['x'])]; // 3 bytes and 1
  assert.match((await errorOf(rpc.call('c', ['']))).message, /wait already/);
  open();
  assert.deepEqual(await Promise.all(kept), ['a', 'b']);
  assert.equal(await rpc.call('d', ['x'.repeat(1000)]), 'd'); // nothing waits any more
});

test('the oldest may be dropped', async (t) => {
  const {rpc, open} = await held(t, {size: 2, bytes: 200, whenFull: 'drop_oldest'});
  const oldest = errorOf(rpc.call('a'));
  const kept = [rpc.call('b'), rpc.call('c')];
  const error = await oldest;
  assert.ok(error instanceof ConnectionLost);
  assert.equal(error.message, 'a: dropped for a newer one');
  assert.match((await errorOf(rpc.call('d', ['x'.repeat(200)]))).message, /wait already/);
  open();
  assert.deepEqual(await Promise.all(kept), ['b', 'c']);
});

test('nothing at all', async (t) => {
  const {rpc, open} = await held(t, {size: 0, whenFull: 'drop_oldest'});
  assert.match((await errorOf(rpc.call('a'))).message, /and 0 messages or/);
  open();
  await rpc.connected();
  assert.equal(await rpc.call('b'), 'b');
});

test('not for longer than so', async (t) => {
  const {rpc, server, open} = await held(t, {age: 30}, {timeout: null});
  const error = await errorOf(rpc.call('a'));
  assert.equal(error.message, 'a: no connection within 30 ms');
  open();
  await rpc.connected();
  await rpc.call('b');
  assert.deepEqual(methods(server), ['b']);
});

test('however long it takes', async (t) => {
  const {rpc, open} = await held(t, {age: null}, {timeout: null});
  const call = rpc.call('a');
  open();
  assert.equal(await call, 'a');
});

test('what was given up is not sent, and leaves its room', async (t) => {
  const {rpc, server, open} = await held(t, {size: 1});
  const control = new AbortController();
  const [first, second] = rpc.batch((batch) => [
    batch.call('a', [], {signal: control.signal}), batch.call('b', [], {timeout: 10}),
  ]);
  control.abort();
  assert.equal((await errorOf(first)).name, 'AbortError');
  assert.equal((await errorOf(second)).name, 'CallTimeout');
  const [, kept] = rpc.batch((batch) => [
    batch.call('c', [], {signal: AbortSignal.abort()}).catch(() => {}), batch.call('d'),
  ]);
  open();
  assert.equal(await kept, 'd');
  assert.deepEqual(methods(server), ['d']);
});

test('closing ends what waits', async (t) => {
  const {rpc} = await held(t);
  const [call, note] = [rpc.call('a'), rpc.notify('b')];
  rpc.close();
  assert.match((await errorOf(call)).message, /is closed$/);
  assert.ok((await errorOf(note)) instanceof ConnectionLost);
});
