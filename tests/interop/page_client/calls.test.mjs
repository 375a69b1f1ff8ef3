// Calls, notifications, batches, cancellation: the same over both transports.

import assert from 'node:assert/strict';
import {before, describe, test} from 'node:test';
import {
  CallTimeout, client, connect, ConnectionLost, Daemon, errorOf, NotFullDuplex, RPCError, until,
} from './harness.mjs';

let daemon;
before(async () => (daemon = await Daemon.start()));

for (const scheme of ['ws', 'http']) {
  describe(`calls by ${scheme}`, () => {
    // Over HTTP nobody can tell the server, whose method runs on.
    const isTold = scheme === 'ws';
    const open = (t, options) => client(t, daemon[scheme], options);

    test('by position, by name, without parameters', async (t) => {
      const rpc = open(t);
      assert.equal(await rpc.call('test.add', [1, 2]), 3);
      assert.equal(await rpc.call('test.add', {a: 1, b: 2}), 3);
      assert.equal(await rpc.call('test.echo'), null);
      assert.equal(await rpc.call('test.echo', null), null);
      const value = {text: '€ "quoted"\n}', list: [1.5, true, null, {}]};
      assert.deepEqual(await rpc.call('test.echo', [value]), value);
    });

    test('many at a time', async (t) => {
      const rpc = open(t);
      const numbers = Array.from({length: 50}, (_, number) => number);
      const calls = numbers.map((number) => rpc.call('test.echo', [number]));
      assert.deepEqual(await Promise.all(calls), numbers);
    });

    test('methods as attributes', async (t) => {
      const rpc = open(t);
      assert.equal(await rpc.proxy.test.add(1, 2), 3);
      assert.ok((await rpc.proxy.rpc.methods()).includes('test.add'));
      assert.equal(rpc.proxy.then, undefined); // or `await` would call it
      assert.match((await errorOf(rpc.proxy())).message, /a method has a name/);
    });

    test('errors of the server', async (t) => {
      const rpc = open(t);
      const failed = await errorOf(rpc.call('test.fail'));
      assert.ok(failed instanceof RPCError && failed instanceof Error);
      const {name, code, message, data} = failed;
      assert.deepEqual([name, code, message, data], ['RPCError', 7, 'as asked', {why: 'test'}]);
      assert.equal((await errorOf(rpc.call('test.nothing'))).code, -32601);
      assert.equal((await errorOf(rpc.call('test.add', [1]))).code, -32602);
      const crashed = await errorOf(rpc.call('test.crash'));
      assert.equal(crashed.code, -32603);
      assert.ok(!JSON.stringify(crashed).includes('secret'));
    });

    test('notifications', async (t) => {
      const rpc = open(t);
      const count = await rpc.call('test.bumps');
      assert.equal(await rpc.notify('test.bump'), undefined);
      await until(async () => (await rpc.call('test.bumps')) === count + 1);
      rpc.notify('test.nothing'); // nobody answers it
    });

    test('a batch', async (t) => {
      const rpc = open(t);
      const count = await rpc.call('test.bumps');
      let wrong;
      const [one, two] = rpc.batch((batch) => {
        wrong = batch.call('test.nothing');
        batch.notify('test.bump');
        return [batch.call('test.add', [1, 2]), batch.call('test.echo', {value: 'x'})];
      });
      assert.equal((await errorOf(wrong)).code, -32601);
      assert.deepEqual(await Promise.all([one, two]), [3, 'x']);
      assert.equal(await rpc.call('test.bumps'), count + 1);
      assert.equal(await rpc.batch((batch) => batch.call('test.add', [1, 1])), 2);
      assert.equal(rpc.batch(() => 'nothing'), 'nothing');
    });

    test('a batch of notifications alone', async (t) => {
      const rpc = open(t);
      const count = await rpc.call('test.bumps');
      await Promise.all(rpc.batch((batch) => [batch.notify('test.bump'), batch.notify('test.bump')]));
      await until(async () => (await rpc.call('test.bumps')) === count + 2);
    });

    test('a batch that is too big is refused as a whole', async (t) => {
      const rpc = open(t);
      const calls = rpc.batch((batch) => Array.from({length: 101}, () => batch.call('test.bump')));
      for (const call of calls) assert.equal((await errorOf(call)).code, -32010);
    });

    test('a batch whose building fails is not sent', async (t) => {
      const rpc = open(t);
      const count = await rpc.call('test.bumps');
      assert.throws(() => rpc.batch((batch) => {
        batch.call('test.bump');
        throw new RangeError('changed my mind');
      }), RangeError);
      const late = await errorOf(rpc.batch(async (batch) => {
        await null;
        return batch.call('test.bump');
      }));
      assert.match(late.message, /the batch is sent/);
      assert.equal(await rpc.call('test.bumps'), count);
    });

    test('a timeout', async (t) => {
      const rpc = open(t);
      const [, cancelled] = await rpc.call('test.hung');
      const error = await errorOf(rpc.call('test.hang', [], {timeout: 50}));
      assert.ok(error instanceof CallTimeout);
      assert.equal(error.message, 'test.hang: no answer within 50 ms');
      await until(async () => !isTold || (await rpc.call('test.hung'))[1] === cancelled + 1);
    });

    test('a timeout of the client', async (t) => {
      const rpc = open(t, {timeout: 50});
      assert.ok((await errorOf(rpc.call('test.hang'))) instanceof CallTimeout);
    });

    test('no timeout at all, and cancellation', async (t) => {
      const rpc = open(t);
      const [running, cancelled] = await rpc.call('test.hung');
      const control = new AbortController();
      const hanging = rpc.call('test.hang', [], {timeout: null, signal: control.signal});
      await until(async () => (await rpc.call('test.hung'))[0] === running + 1);
      control.abort();
      const error = await errorOf(hanging);
      assert.equal(error.name, 'AbortError');
      assert.equal(error, control.signal.reason);
      await until(async () => !isTold || (await rpc.call('test.hung'))[1] === cancelled + 1);
    });

    test('a signal that is aborted before', async (t) => {
      const rpc = open(t);
      const count = await rpc.call('test.bumps');
      const reason = new Error('not at all');
      const call = rpc.call('test.bump', [], {signal: AbortSignal.abort(reason)});
      assert.equal(await errorOf(call), reason);
      assert.equal(await rpc.call('test.bumps'), count);
    });

    test('one call of a batch is cancelled', async (t) => {
      const rpc = open(t);
      const [running, cancelled] = await rpc.call('test.hung');
      const [control, other] = [new AbortController(), new AbortController()];
      const [hanging, second] = rpc.batch((batch) => [
        batch.call('test.hang', [], {signal: control.signal}),
        batch.call('test.hang', [], {signal: other.signal}),
      ]);
      await until(async () => (await rpc.call('test.hung'))[0] === running + 2);
      control.abort();
      assert.equal((await errorOf(hanging)).name, 'AbortError');
      await until(async () => !isTold || (await rpc.call('test.hung'))[1] === cancelled + 1);
      other.abort();
      assert.equal((await errorOf(second)).name, 'AbortError');
      await until(async () => !isTold || (await rpc.call('test.hung'))[1] === cancelled + 2);
    });

    test('what cannot be sent', async (t) => {
      const rpc = open(t);
      for (const params of [1, 'text', [NaN], {a: Infinity}, [1n], ['\ud800'], {'\udfff': 1}, [() => 1]]) {
        assert.ok((await errorOf(rpc.call('test.echo', params))) instanceof TypeError);
        assert.throws(() => rpc.notify('test.echo', params), TypeError);
      }
      for (const method of ['', undefined, 5]) {
        assert.match((await errorOf(rpc.call(method))).message, /a method has a name/);
      }
      for (const options of [{timeout: '1'}, {timeout: -1}, {timeout: 2 ** 31}, {timeOut: 1}]) {
        assert.ok((await errorOf(rpc.call('test.echo', [], options))) instanceof TypeError);
      }
      assert.equal(await rpc.call('test.echo', ['\\ud800 \ud83d\ude00']), '\\ud800 \ud83d\ude00');
    });

    test('large integers lose their last digits', async (t) => {
      const rpc = open(t);
      assert.equal(await rpc.call('test.echo', [2 ** 53]), 2 ** 53);
      assert.equal(await rpc.call('test.add', [2 ** 53, 1]), 2 ** 53);
    });

    test('after close', async (t) => {
      const rpc = open(t);
      const [running] = await rpc.call('test.hung');
      const hanging = rpc.call('test.hang');
      await until(async () => (await rpc.call('test.hung'))[0] === running + 1);
      rpc.close();
      assert.equal(rpc.state, 'closed');
      const url = daemon[scheme];
      for (const call of [hanging, rpc.call('test.bump'), rpc.notify('test.bump'), rpc.connected()]) {
        const error = await errorOf(call);
        assert.ok(error instanceof ConnectionLost);
        assert.match(error.message, RegExp(`the client of ${url} is closed$`));
      }
      rpc.close();
    });
  });
}

describe('over HTTP', () => {
  test('nothing is heard', async (t) => {
    const rpc = client(t, daemon.http);
    assert.throws(() => rpc.on('news', () => {}), NotFullDuplex);
    assert.throws(() => rpc.expose('double', () => {}), /over HTTP nothing comes but answers/);
    assert.equal(rpc.state, 'connected');
    assert.equal(await rpc.connected(), rpc);
    const told = await errorOf(rpc.call('test.tell', ['news', []]));
    assert.ok(told instanceof RPCError);
  });

  test('nobody is there', async (t) => {
    const other = await Daemon.start();
    await other.kill();
    const error = await errorOf(client(t, other.http).call('test.add', [1, 2]));
    assert.ok(error instanceof ConnectionLost && error.cause instanceof TypeError);
    assert.match(error.message, RegExp(`^test.add: no answer from ${other.http}`));
  });
});

describe('what the server asks for', () => {
  test('notifications', async (t) => {
    const rpc = client(t, daemon.ws);
    const heard = [];
    const stop = rpc.on('news', (...params) => heard.push(params));
    rpc.on('news', (first) => heard.push(first));
    await rpc.call('test.tell', ['news', [1, 'two']]);
    await rpc.call('test.tell', ['news', {a: 1}]);
    await rpc.call('test.tell', ['nobody.listens', []]);
    assert.deepEqual(heard, [[1, 'two'], 1, [{a: 1}], {a: 1}]);
    stop();
    stop();
    await rpc.call('test.tell', ['news', []]);
    assert.deepEqual(heard.slice(4), [undefined]);
  });

  test('calls', async (t) => {
    const rpc = client(t, daemon.ws);
    const stop = rpc.expose('double', async (number) => 2 * number);
    rpc.expose('nothing', () => {});
    rpc.expose('named', ({a, b}) => a - b);
    rpc.expose('refuse', () => {
      throw new RPCError(9, 'no', {why: 'mood'});
    });
    assert.equal(await rpc.call('test.ask', ['double', [4]]), 8);
    assert.equal(await rpc.call('test.ask', ['nothing', []]), null);
    assert.equal(await rpc.call('test.ask', ['named', {b: 1, a: 3}]), 2);
    const refused = {code: 9, message: 'no', data: {why: 'mood'}};
    assert.deepEqual(await rpc.call('test.ask', ['refuse', []]), refused);
    assert.throws(() => rpc.expose('double', () => {}), /double is exposed already/);
    stop();
    assert.equal((await rpc.call('test.ask', ['double', [4]])).code, -32601);
    rpc.expose('double', () => 'again');
    stop();
    assert.equal(await rpc.call('test.ask', ['double', [4]]), 'again');
  });

  test('a batch of calls', async (t) => {
    const rpc = client(t, daemon.ws);
    const heard = [];
    rpc.expose('double', (number) => 2 * number);
    rpc.on('heard', (what) => heard.push(what));
    assert.deepEqual(await rpc.call('test.ask_together'), [2, 4]);
    assert.deepEqual(heard, ['batch']);
  });

  test('mistakes of ours are told to us alone', async (t) => {
    const reported = t.mock.method(console, 'error', () => {});
    const rpc = client(t, daemon.ws);
    const secret = () => {
      throw new Error('a secret');
    };
    rpc.expose('crash', secret);
    rpc.expose('rubbish', () => 5n);
    rpc.expose('function', () => secret);
    rpc.expose('badData', () => {
      throw new RPCError(1, 'x', NaN);
    });
    rpc.on('news', secret);
    for (const name of ['crash', 'rubbish', 'function', 'badData']) {
      const answer = await rpc.call('test.ask', [name, []]);
      assert.deepEqual([answer.code, answer.message], [-32603, 'Internal error']);
    }
    await rpc.call('test.tell', ['news', []]);
    assert.equal(reported.mock.callCount(), 5);
  });

  test('only functions are told', (t) => {
    const rpc = client(t, daemon.ws);
    assert.throws(() => rpc.on('news', 5), /on news: give a function/);
    assert.throws(() => rpc.expose('', () => {}), /a method has a name/);
  });
});

test('URLs and options', () => {
  for (const url of ['ftp://x/', 'ws://user:secret@x/', '/rpc', 'x', '']) {
    assert.throws(() => connect(url), (error) => error instanceof TypeError && !/secret/.test(error.message));
  }
  const wrong = [
    {timeout: 'x'}, {tiemout: 5}, {auth: {user: 'x'}}, {auth: 'x'}, {auth: {token: 5}},
    {offline: {size: 'x'}}, {offline: {whenFull: 'x'}}, {offline: {many: 1}}, {offline: {age: -1}},
  ];
  for (const options of wrong) assert.throws(() => connect('ws://127.0.0.1:1/', options), TypeError);
  for (const auth of [{ticket: 'x'}, {token: 'a b'}, {user: 'a:b', password: ''}]) {
    assert.throws(() => connect('http://127.0.0.1:1/', {auth}), TypeError);
  }
  assert.throws(() => new RPCError('x', 'y'), /a code is an integer/);
  const rpc = connect(new URL('ws://127.0.0.1:1/rpc#x'));
  assert.equal(rpc.url, 'ws://127.0.0.1:1/rpc');
  rpc.close();
});
