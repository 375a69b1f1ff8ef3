// Who we are: by header over HTTP, by the first message of a WebSocket, anew on each line.

import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {mkdtempSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {before, describe, test} from 'node:test';
import {
  AuthenticationFailed, client, ConnectionLost, Daemon, errorOf, RPCError, scripted, until,
} from './harness.mjs';

const QUICK = {backoff: () => 10};
const ALICE = {user: 'alice', password: 'wönder'};

let daemon;
before(async () => {
  daemon = await Daemon.start({
    server: 'auth = ["memory:alice:wönder"]', limits: 'auth_delay = "none"\nmax_auth_attempts = "none"',
  });
});

for (const scheme of ['ws', 'http']) {
  describe(`by ${scheme}`, () => {
    test('user and password', async (t) => {
      const rpc = client(t, daemon[scheme], {auth: ALICE});
      assert.equal(await rpc.call('test.whoami'), 'alice');
    });

    test('what a function gives', async (t) => {
      for (const auth of [() => ALICE, async () => ALICE]) {
        const rpc = client(t, daemon[scheme], {auth});
        assert.equal(await rpc.call('test.whoami'), 'alice');
      }
    });

    test('a function that gives something else', async (t) => {
      const rpc = client(t, daemon[scheme], {auth: () => 'alice', ...QUICK});
      const error = await errorOf(rpc.call('test.whoami'));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /auth is \{user, password\}/);
    });

    test('a function that fails is asked again', async (t) => {
      let attempts = 0;
      const auth = () => {
        if (attempts++) return ALICE;
        throw new Error('the network is down');
      };
      const rpc = client(t, daemon[scheme], {auth, ...QUICK});
      const [first, second] = [rpc.call('test.whoami'), () => rpc.call('test.whoami')];
      if (scheme === 'http') {
        const error = await errorOf(first);
        assert.ok(error instanceof ConnectionLost);
        assert.match(error.message, /there are no credentials: the network is down/);
      }
      assert.equal(await second(), 'alice');
    });

    test('a function that says that nobody is let in', async (t) => {
      const auth = () => {
        throw new AuthenticationFailed('log in first');
      };
      const rpc = client(t, daemon[scheme], {auth});
      const error = await errorOf(rpc.call('test.whoami'));
      assert.ok(error instanceof AuthenticationFailed);
      assert.equal(error.message, 'test.whoami: log in first');
    });

    test('a wrong password', async (t) => {
      const rpc = client(t, daemon[scheme], {auth: {...ALICE, password: 'wrong'}, ...QUICK});
      const error = await errorOf(rpc.call('test.whoami'));
      assert.ok(error instanceof AuthenticationFailed);
      assert.match(error.message, /invalid credentials/);
      assert.ok(error.cause instanceof RPCError && error.cause.code === -32001);
      assert.ok(!/wrong/.test(error.message));
      // A line that was refused would be refused again; over HTTP each request is its own.
      assert.equal(rpc.state, scheme === 'ws' ? 'closed' : 'connected');
      assert.ok((await errorOf(rpc.call('test.whoami'))) instanceof AuthenticationFailed);
    });
  });
}

test('tokens', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'tokens-')), 'tokens.toml');
  const hash = createHash('sha256').update('sesame').digest('hex');
  writeFileSync(file, `[[token]]\nname = "ci"\nhash = "${hash}"\n`, {mode: 0o600});
  const other = await Daemon.start({server: `auth = ["token:${file}"]`});
  for (const url of [other.ws, other.http]) {
    assert.equal(await client(t, url, {auth: {token: 'sesame'}}).call('test.whoami'), 'ci');
  }
});

test('a ticket, asked for anew before each line', async (t) => {
  const http = client(t, daemon.http, {auth: ALICE});
  const tickets = [];
  const auth = async () => {
    const {ticket} = await http.call('rpc.ticket');
    tickets.push(ticket);
    return {ticket};
  };
  const rpc = client(t, daemon.ws, {auth, ...QUICK});
  assert.equal(await rpc.call('test.whoami'), 'alice');
  rpc.notify('test.drop');
  await until(() => tickets.length === 2);
  assert.equal(await rpc.call('test.whoami'), 'alice');

  const [ticket] = tickets; // which is good for nothing any more
  const error = await errorOf(client(t, daemon.ws, {auth: {ticket}}).call('test.whoami'));
  assert.ok(error instanceof AuthenticationFailed);
});

test('a line that is lost is authenticated again', async (t) => {
  const rpc = client(t, daemon.ws, {auth: ALICE, ...QUICK});
  const states = [];
  rpc.onstate = (state) => states.push(state);
  await rpc.connected();
  rpc.notify('test.drop');
  await until(() => states.filter((state) => state === 'connected').length === 2);
  assert.equal(await rpc.call('test.whoami'), 'alice');
});

test('nobody', async (t) => {
  const error = await errorOf(client(t, daemon.ws).call('test.whoami'));
  assert.deepEqual([error.name, error.code], ['RPCError', -32001]);
  const refused = await errorOf(client(t, daemon.http).call('test.whoami'));
  assert.equal(refused.name, 'AuthenticationFailed');
  assert.match(refused.message, /answered 401: send an Authorization header$/);
});

test('a server that asks nobody', async (t) => {
  const open = await Daemon.start();
  const error = await errorOf(client(t, open.ws, {auth: ALICE}).call('test.whoami'));
  assert.ok(error instanceof AuthenticationFailed);
  assert.equal(await client(t, open.http, {auth: ALICE}).call('test.whoami'), null);
});

test('a server that will not say now is asked again', async (t) => {
  const errors = [{code: -32005, message: 'Rate limited', data: {retry_after: 1}}];
  const server = await scripted(t, (socket, text) => {
    const {id} = JSON.parse(text);
    const error = errors.pop();
    socket.send(JSON.stringify({jsonrpc: '2.0', id, ...(error ? {error} : {result: true})}));
  });
  const rpc = client(t, server.url, {auth: ALICE, ...QUICK});
  assert.equal(await rpc.call('x'), true);
  assert.equal(server.lines.length, 2);
  assert.deepEqual(JSON.parse(server.received[0]).params, ['alice', 'wönder']);
});

test('closed while it finds out who it is', async (t) => {
  const server = await scripted(t, () => {});
  let asked = 0;
  const auth = () => {
    asked += 1;
    return new Promise(() => {});
  };
  const rpc = client(t, server.url, {auth});
  await until(() => asked);
  rpc.close();
  assert.ok((await errorOf(rpc.connected())) instanceof ConnectionLost);
});

test('what we are told when a login has ended is told on', async (t) => {
  const server = await scripted(t, (socket) => {
    const error = {code: -32001, message: 'Unauthorized', data: 'the login has expired'};
    socket.send(JSON.stringify({jsonrpc: '2.0', id: null, error}));
    socket.close(1008, 'no');
  });
  const error = await errorOf(client(t, server.url).call('x'));
  assert.match(error.message, /was lost \(close code 1008, no, Unauthorized\)$/);
  assert.equal(error.cause.data, 'the login has expired');
});
