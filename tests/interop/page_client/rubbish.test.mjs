// Servers that break the rules: no answer of theirs may be taken for another, and nothing hangs.

import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {
  AuthenticationFailed, client, ConnectionLost, errorOf, ProtocolError, raw, RPCError, scripted, until,
} from './harness.mjs';

const RUBBISH = [
  'nonsense', '', '{', 'null', '5', '"text"', '[]', '[5]', '{}', '{"jsonrpc":"2.0"}',
  '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","id":[1],"result":1}',
  '{"jsonrpc":"2.0","id":{},"error":{}}', '{"jsonrpc":"2.0","method":5}', '{"method":"x"}',
  '{"jsonrpc":"1.0","method":"x"}', '{"jsonrpc":"2.0","method":"x","params":1}',
  '{"jsonrpc":"2.0","method":"x","id":true}', '[{"jsonrpc":"2.0","id":1,"result":1},5]',
  '<html>', Buffer.from([0, 255]),
  '['.repeat(100_000),
];
const FIRST = '{"jsonrpc":"2.0","id":1,"result":"first"}';

describe('over a WebSocket', () => {
  for (const rubbish of RUBBISH) {
    test(`rubbish: ${String(rubbish).slice(0, 60)}`, async (t) => {
      const server = await scripted(t, (socket) => socket.send(rubbish));
      const rpc = client(t, server.url, {reconnect: false});
      const error = await errorOf(rpc.call('x'));
      assert.ok(error instanceof ProtocolError);
      assert.match(error.message, /^x: ws:.* does not speak JSON-RPC: /);
      assert.ok(error.message.length < 400);
      assert.equal(rpc.state, 'closed');
    });
  }

  test('the next line is another chance', async (t) => {
    const server = await scripted(t, (socket, text) => {
      socket.send(server.lines.length === 1 ? 'rubbish' : JSON.stringify({
        jsonrpc: '2.0', id: JSON.parse(text).id, result: 'sound',
      }));
    });
    const rpc = client(t, server.url, {backoff: () => 5});
    assert.ok((await errorOf(rpc.call('x'))) instanceof ProtocolError);
    assert.equal(await rpc.call('x'), 'sound');
  });

  test('answers that nobody waits for are passed over', async (t) => {
    const strange = ['"1"', '0', '2', '1.5', '-1', '9007199254740993', 'null', '"__proto__"'];
    const server = await scripted(t, (socket) => {
      for (const id of strange) socket.send(`{"jsonrpc":"2.0","id":${id},"result":"wrong"}`);
      socket.send('{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"wrong"}}');
      socket.send(FIRST);
      socket.send(FIRST);
    });
    const rpc = client(t, server.url);
    assert.equal(await rpc.call('x'), 'first');
    assert.equal(rpc.state, 'connected');
  });

  test('an answer that comes too late', async (t) => {
    let late;
    const server = await scripted(t, (socket, text) => {
      const {id, method} = JSON.parse(text);
      const answer = JSON.stringify({jsonrpc: '2.0', id, result: method});
      if (method === 'slow') late = answer;
      else if (method === 'quick') [late, answer].map((each) => socket.send(each));
    });
    const rpc = client(t, server.url);
    await rpc.connected();
    assert.equal((await errorOf(rpc.call('slow', [], {timeout: 20}))).name, 'CallTimeout');
    assert.equal(await rpc.call('quick'), 'quick');
  });

  for (const error of ['"text"', '5', '{}', '{"code":"x","message":"y"}', '{"code":1}', '[1]', 'true']) {
    test(`an error that is none: ${error}`, async (t) => {
      const server = await scripted(t, (socket) => {
        socket.send(`{"jsonrpc":"2.0","id":1,"error":${error}}`);
      });
      const failed = await errorOf(client(t, server.url).call('x'));
      assert.ok(failed instanceof ProtocolError);
      assert.match(failed.message, /the answer's error is none/);
    });
  }

  test('an error of null is none', async (t) => {
    const server = await scripted(t, (socket) => {
      socket.send('{"id":1,"result":"first","error":null}');
    });
    assert.equal(await client(t, server.url).call('x'), 'first');
  });

  test('names of all objects are names like others', async (t) => {
    const server = await scripted(t, (socket, text) => {
      if (JSON.parse(text).method !== 'x') return;
      for (const name of ['__proto__', 'constructor', 'toString']) {
        socket.send(JSON.stringify({jsonrpc: '2.0', method: name, id: name}));
        socket.send(JSON.stringify({jsonrpc: '2.0', method: name, params: [1]}));
      }
      socket.send('{"jsonrpc":"2.0","id":1,"result":{"__proto__":{"polluted":true}}}');
    });
    await client(t, server.url).call('x');
    await until(() => server.received.length === 4);
    const codes = server.received.slice(1).map((text) => JSON.parse(text).error.code);
    assert.deepEqual(codes, [-32601, -32601, -32601]);
    assert.equal({}.polluted, undefined);
  });

  test('a batch of theirs is answered by one', async (t) => {
    const server = await scripted(t, (socket, text) => {
      if (text[0] !== '{') return;
      socket.send(`[{"jsonrpc":"2.0","method":"double","params":[2],"id":"a"},${FIRST},
        {"jsonrpc":"2.0","method":"nothing","id":null},{"jsonrpc":"2.0","method":"note"}]`);
    });
    const rpc = client(t, server.url);
    rpc.expose('double', (number) => 2 * number);
    assert.equal(await rpc.call('x'), 'first');
    await until(() => server.received.length === 2);
    assert.deepEqual(JSON.parse(server.received[1]), [
      {jsonrpc: '2.0', id: 'a', result: 4},
      {jsonrpc: '2.0', id: null, error: {code: -32601, message: 'Method not found'}},
    ]);
  });

  test('an answer of ours to a line that is down goes nowhere', async (t) => {
    let finish;
    const server = await scripted(t, (socket) => {
      socket.send('{"jsonrpc":"2.0","method":"slow","id":1}');
    });
    const rpc = client(t, server.url, {backoff: () => 5});
    rpc.expose('slow', () => new Promise((resolve) => (finish = resolve)));
    rpc.notify('begin');
    await until(() => finish);
    server.lines[0].terminate();
    await until(() => server.lines.length === 2 && rpc.state === 'connected');
    finish('too late');
    rpc.notify('end');
    await until(() => server.received.some((text) => text.includes('end')));
    assert.ok(!server.received.some((text) => text.includes('too late')));
  });

  test('an error without an id answers a batch, and nothing else', async (t) => {
    const error = '{"jsonrpc":"2.0","id":null,"error":{"code":-32010,"message":"Batch too big"}}';
    const server = await scripted(t, (socket, text) => text[0] === '[' && socket.send(error));
    const rpc = client(t, server.url);
    const two = () => rpc.batch((batch) => [batch.call('a'), batch.call('b')]);
    for (const call of two()) assert.equal((await errorOf(call)).code, -32010);
    const other = rpc.call('other', [], {timeout: 100});
    const calls = two().map(errorOf);
    assert.equal((await errorOf(other)).name, 'CallTimeout');
    rpc.close();
    for (const failed of await Promise.all(calls)) assert.ok(failed instanceof ConnectionLost);
  });
});

describe('what is traced', () => {
  test('goes along as members', async (t) => {
    const server = await scripted(t, (socket) => socket.send(FIRST));
    const rpc = client(t, server.url);
    const trace = {traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'x=1'};
    await rpc.call('x', [1], {trace, requestId: 'r-1'});
    rpc.notify('y', {}, {requestId: 'r-2'});
    await until(() => server.received.length === 2);
    assert.deepEqual(server.received.map((text) => JSON.parse(text)), [
      {jsonrpc: '2.0', method: 'x', params: [1], id: 1, request_id: 'r-1', ...trace},
      {jsonrpc: '2.0', method: 'y', params: {}, request_id: 'r-2'},
    ]);
  });
});

/** An answer in HTTP. */
const http = (status, body, ...fields) => [
  `HTTP/1.1 ${status} x`, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', ...fields, '', body,
].join('\r\n');

describe('over HTTP', () => {
  async function outcome(t, answer, work = (rpc) => rpc.call('x')) {
    const {port} = await raw(t, answer);
    return errorOf(work(client(t, `http://127.0.0.1:${port}/`)));
  }

  for (const rubbish of RUBBISH) {
    test(`rubbish: ${String(rubbish).slice(0, 60)}`, async (t) => {
      const error = await outcome(t, http(200, rubbish));
      assert.ok(error instanceof ProtocolError, error);
      assert.match(error.message, /^x: http:.* answered 200/);
      assert.ok(error.message.length < 400);
    });
  }

  test('no HTTP at all, or half of it', async (t) => {
    for (const answer of ['nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{', '']) {
      assert.ok((await outcome(t, answer)) instanceof ConnectionLost);
    }
  });

  test('the answer to another call', async (t) => {
    const error = await outcome(t, http(200, '{"jsonrpc":"2.0","id":2,"result":1}'));
    assert.match(error.message, /^x: .* answered 200 without an answer$/);
  });

  test('another status', async (t) => {
    for (const status of [404, 500, 502]) {
      const error = await outcome(t, http(status, 'a  page\nof words'));
      assert.match(error.message, RegExp(`answered ${status}: a page of words$`));
    }
    assert.ok((await outcome(t, http(302, '', 'Location: /other'))) instanceof ConnectionLost);
    assert.ok((await outcome(t, http(403, 'no'))) instanceof AuthenticationFailed);
  });

  test('an error without an id is the answer', async (t) => {
    const body = '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"Rate limited"}}';
    for (const status of [200, 413, 429, 503]) {
      const error = await outcome(t, http(status, body));
      assert.ok(error instanceof RPCError && error.code === -32005);
    }
    const two = (rpc) => rpc.batch((batch) => [batch.call('a').catch(() => {}), batch.call('b')])[1];
    assert.equal((await outcome(t, http(200, body), two)).code, -32005);
  });

  test('a notification that is not taken', async (t) => {
    const error = await outcome(t, http(500, ''), (rpc) => rpc.notify('x'));
    assert.ok(error instanceof ProtocolError);
  });

  test('no answer at all', async (t) => {
    const {port} = await raw(t, null, {closes: false});
    const rpc = client(t, `http://127.0.0.1:${port}/`, {timeout: 50});
    assert.equal((await errorOf(rpc.call('x'))).name, 'CallTimeout');
    assert.equal((await errorOf(rpc.notify('x'))).name, 'CallTimeout');
  });

  test('credentials go by header alone', async (t) => {
    let seen;
    const {port} = await raw(t, (data) => {
      seen = String(data);
      return http(200, FIRST);
    });
    const rpc = client(t, `http://127.0.0.1:${port}/`, {auth: {user: 'ä', password: 'b:c'}});
    assert.equal(await rpc.call('x'), 'first');
    assert.match(seen, RegExp(`authorization: Basic ${Buffer.from('ä:b:c').toString('base64')}`, 'i'));
    assert.doesNotMatch(seen, /cookie/i);
  });
});
