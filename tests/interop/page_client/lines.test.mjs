// What becomes of a client, and of what it sends, when its line is lost.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {describe, test} from 'node:test';
import {client, ConnectionLost, Daemon, errorOf, raw, scripted, until} from './harness.mjs';

const QUICK = {backoff: () => 10};

function answer(text, result = 'done') {
  return JSON.stringify({jsonrpc: '2.0', id: JSON.parse(text).id, result});
}

/** Every state that a client has from now on, with the errors it is told. */
function watched(rpc) {
  const states = [];
  rpc.onstate = (state, error) => states.push(error ? [state, error.name] : state);
  return states;
}

describe('a daemon that goes away', () => {
  test('is found again', async (t) => {
    const daemon = await Daemon.start();
    const rpc = client(t, daemon.ws, QUICK);
    const states = watched(rpc);
    rpc.on('news', (text) => states.push(text));
    rpc.expose('double', (number) => 2 * number);
    assert.equal(rpc.state, 'connecting');
    assert.equal(await rpc.connected(), rpc);
    const hanging = errorOf(rpc.call('test.hang'));
    await until(async () => (await rpc.call('test.hung'))[0] === 1);

    await daemon.kill();
    const error = await hanging;
    assert.ok(error instanceof ConnectionLost);
    assert.match(error.message, RegExp(`^test.hang: the connection to ${daemon.ws} was lost`));
    await until(() => states.filter((state) => state === 'connecting').length > 2);
    const waiting = rpc.call('test.bump');
    const noted = rpc.notify('test.bump');

    await Daemon.start({port: daemon.port});
    assert.equal(await waiting, 1);
    await noted;
    assert.equal(await rpc.call('test.bumps'), 2); // and the call under way was not sent again
    assert.deepEqual(await rpc.call('test.hung'), [0, 0]);
    await rpc.call('test.tell', ['news', ['heard']]);
    assert.equal(await rpc.call('test.ask', ['double', [4]]), 8);
    assert.equal(rpc.state, 'connected');

    rpc.close();
    const first = ['connected', ['disconnected', 'ConnectionLost'], 'connecting'];
    assert.deepEqual(states.slice(0, 3), first);
    assert.deepEqual(states.slice(-3), ['connected', 'heard', 'closed']);
  });

  test('is not looked for again where that is not wanted', async (t) => {
    const daemon = await Daemon.start();
    const rpc = client(t, daemon.ws, {reconnect: false});
    const states = watched(rpc);
    await rpc.connected();
    rpc.notify('test.drop');
    await until(() => rpc.state === 'closed');
    assert.deepEqual(states, ['connected', ['closed', 'ConnectionLost']]);
    assert.match((await errorOf(rpc.call('test.bump'))).message, /^test.bump: the connection/);
    assert.ok((await errorOf(rpc.connected())) instanceof ConnectionLost);
  });

  test('may never have been there', async (t) => {
    const gone = await raw(t, null);
    const rpc = client(t, `ws://127.0.0.1:${gone.port}/`, {reconnect: false});
    const call = errorOf(rpc.call('test.bump'));
    assert.ok((await errorOf(rpc.connected())) instanceof ConnectionLost);
    assert.ok((await call) instanceof ConnectionLost);
  });
});

test('attempts come later and later, until somebody answers', async (t) => {
  const failures = [];
  let serves = false;
  const server = await scripted(
    t, (socket, text) => socket.send(answer(text)), (socket) => serves || socket.close(),
  );
  const rpc = client(t, server.url, {
    backoff: (count) => {
      failures.push(count);
      return 5;
    },
  });
  await until(() => failures.length >= 4);
  serves = true;
  await until(async () => (await rpc.call('x').catch(() => null)) === 'done');
  assert.deepEqual(failures, failures.map((_, index) => index + 1));
  const before = failures.length;
  server.lines.at(-1).terminate();
  await until(() => failures.length > before);
  assert.equal(failures[before], 1);
});

test('the usual pauses double, are bounded, and left to chance', async (t) => {
  const pauses = [];
  const {setTimeout: wait} = globalThis;
  // Whatever is waited for, no time passes; timers of a handshake are told by their length.
  t.mock.method(globalThis, 'setTimeout', (work, delay, ...rest) => {
    if (delay !== 10_000) pauses.push(delay);
    return wait(work, delay === 10_000 ? delay : 0, ...rest);
  });
  const random = t.mock.method(Math, 'random', () => 0);
  const rpc = client(t, 'ws://127.0.0.1:1/'); // where nobody is
  await until(() => pauses.length >= 8);
  random.mock.mockImplementation(() => 0.999);
  const before = pauses.length;
  await until(() => pauses.length > before + 1);
  rpc.close();
  assert.deepEqual(pauses.slice(0, 8), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.ok(pauses.at(-1) > 15_000 && pauses.at(-1) < 15_100);
});

test('a pause that is none ends the client', async (t) => {
  const server = await scripted(t, () => {}, (socket) => socket.close());
  const rpc = client(t, server.url, {backoff: () => 'soon'});
  const error = await until(async () => rpc.state === 'closed' && errorOf(rpc.call('x')));
  assert.match(error.message, /backoff is a number of milliseconds or null, not soon/);
});

describe('a server that falls silent', () => {
  test('is given up once a call is not answered, and what it is asked then neither', async (t) => {
    const server = await scripted(t, () => {});
    const rpc = client(t, server.url, QUICK);
    await rpc.connected();
    t.mock.timers.enable({apis: ['setTimeout']});
    const late = errorOf(rpc.call('slow', [], {timeout: 1000}));
    t.mock.timers.tick(1000);
    assert.equal((await late).name, 'CallTimeout');
    t.mock.timers.tick(9999);
    assert.equal(rpc.state, 'connected');
    const lost = errorOf(rpc.call('other'));
    t.mock.timers.tick(1);
    assert.match((await lost).message, /has fallen silent$/);
    await until_immediate(() => rpc.state === 'disconnected');
    t.mock.timers.reset();
    rpc.close();
  });

  test('is not given up while it says anything', async (t) => {
    const slow = [];
    const server = await scripted(t, (socket, text) => {
      const {method} = JSON.parse(text);
      if (method === 'slow') slow.push(() => socket.send(answer(text)));
      else if (method === 'rpc.ping') socket.send(answer(text));
    });
    const rpc = client(t, server.url, QUICK);
    await rpc.connected();
    const kept = rpc.call('slow', [], {timeout: null});
    await errorOf(rpc.call('slow', [], {timeout: 20}));
    await until(() => server.received.some((text) => text.includes('rpc.ping')));
    await errorOf(rpc.call('slow', [], {timeout: 20}));
    for (const finish of slow) finish();
    assert.equal(await kept, 'done');
    assert.equal(server.lines.length, 1);
    const sent = server.received.map((text) => JSON.parse(text));
    const cancelled = sent.filter(({method}) => method === '$/cancelRequest');
    assert.deepEqual(cancelled.map(({params}) => params.id), [2, 4]);
  });

  test('never finishes the handshake', async (t) => {
    const silent = await raw(t, null, {closes: false});
    t.mock.timers.enable({apis: ['setTimeout']});
    const rpc = client(t, `ws://127.0.0.1:${silent.port}/`, QUICK);
    const error = errorOf(rpc.connected());
    await until_immediate(() => silent.sockets.size === 1);
    t.mock.timers.tick(10_000);
    assert.match((await error).message, /no connection to .* within 10000 ms/);
    t.mock.timers.reset();
  });
});

/** Like `until`, where time stands still. */
async function until_immediate(condition) {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('closing', () => {
  test('while it connects, or waits to', async (t) => {
    const server = await scripted(t, () => {});
    const [at_once, soon] = [client(t, server.url), client(t, server.url)];
    at_once.close();
    await until(() => server.lines.length === 1);
    soon.close();
    const waiting = client(t, 'ws://127.0.0.1:1/', {backoff: () => 2 ** 30});
    await until(() => waiting.state === 'disconnected');
    waiting.close();
    for (const rpc of [at_once, soon, waiting]) {
      assert.equal(rpc.state, 'closed');
      assert.ok((await errorOf(rpc.call('x'))) instanceof ConnectionLost);
    }
  });

  test('by who is told of a state', async (t) => {
    const server = await scripted(t, (socket, text) => socket.send(answer(text)));
    for (const last of ['connected', 'disconnected', 'connecting']) {
      const rpc = client(t, server.url, QUICK);
      const states = [];
      rpc.onstate = (state) => {
        states.push(state);
        if (state === last) rpc.close();
        else server.lines.at(-1)?.terminate();
      };
      await until(() => rpc.state === 'closed');
      assert.deepEqual(states.slice(-2), [last, 'closed']);
    }
  });

  test('a mistake of who is told is told to the page', async (t) => {
    const reported = t.mock.method(console, 'error', () => {});
    const server = await scripted(t, (socket, text) => socket.send(answer(text)));
    const rpc = client(t, server.url);
    rpc.onstate = () => {
      throw new RangeError('oops');
    };
    assert.equal(await rpc.call('x'), 'done');
    assert.equal(reported.mock.callCount(), 1);
  });
});

/** What a program of Node prints that ends by itself, with nothing left to wait for. */
async function program(url, text) {
  const source = `import {connect} from ${JSON.stringify(process.env.CLIENT)};
    const rpc = connect(${JSON.stringify(url)}, {timeout: 3600_000, offline: {age: 3600_000}});
    ${text}`;
  const node = spawn(process.execPath, [
    '--experimental-websocket', '--no-warnings', '--input-type=module', '-e', source,
  ]);
  let printed = '';
  for (const stream of [node.stdout, node.stderr]) stream.on('data', (data) => (printed += data));
  const code = await new Promise((resolve) => node.on('exit', resolve));
  return `${printed}${code}`;
}

describe('a program ends when its client is closed', () => {
  for (const scheme of ['ws', 'http']) {
    test(`with calls under way by ${scheme}`, async () => {
      const daemon = await Daemon.start();
      const printed = await program(daemon[scheme], `
        console.log(await rpc.call('test.add', [1, 2]));
        const control = new AbortController();
        const hanging = rpc.call('test.hang', [], {signal: control.signal});
        hanging.catch((error) => console.log(error.name));
        while ((await rpc.call('test.hung'))[0] < 1) ;
        rpc.close();
        control.abort();
      `);
      assert.equal(printed, '3\nConnectionLost\n0');
    });
  }

  test('with calls that wait for a connection', async () => {
    const printed = await program('ws://127.0.0.1:1/', `
      rpc.call('x').catch((error) => console.log(error.name));
      rpc.onstate = (state) => state === 'disconnected' && rpc.close();
    `);
    assert.equal(printed, 'ConnectionLost\n0');
  });

  test('at a server that is silent', async (t) => {
    const silent = await raw(t, null, {closes: false});
    const printed = await program(`ws://127.0.0.1:${silent.port}/`, `
      rpc.call('x').catch((error) => console.log(error.name));
      setTimeout(() => rpc.close(), 50);
    `);
    assert.equal(printed, 'ConnectionLost\n0');
  });
});
