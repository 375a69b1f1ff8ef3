// Every member as it is meant to be used; `tsc --strict` has to take it.

import {
  AuthenticationFailed,
  CallTimeout,
  connect,
  ConnectionLost,
  NotFullDuplex,
  ProtocolError,
  RPCError,
} from './client.js';
import type {
  Batch,
  CallOptions,
  Client,
  ConnectOptions,
  Credentials,
  MethodProxy,
  OfflineBounds,
  Params,
  State,
} from './client.js';

interface Point {
  x: number;
  y: number;
}

const ways: Credentials[] = [{user: 'ann', password: 'x'}, {token: 'x'}, {ticket: 'x'}];
const offline: OfflineBounds = {size: 1, bytes: 2, age: null, whenFull: 'drop_oldest'};
const options: ConnectOptions = {
  auth: async () => ways[0],
  timeout: null,
  reconnect: false,
  backoff: (failures) => failures * 1000,
  offline,
  parse: (text) => JSON.parse(text),
};
const client: Client = connect(new URL('ws://localhost/'), options);
connect('/', {auth: () => null});
connect('/', {auth: {token: 'x'}, offline: {age: 5}});

client.onstate = (state: State, error?: Error) => console.log(state, error?.message);
client.onstate = null;
client.onrequest = (method: string, params: unknown, isCall: boolean) => console.log(method, params, isCall);
client.onrequest = null;
const state: State = client.state;
const url: string = client.url;

const control = new AbortController();
const params: Params = {a: 1} satisfies Record<string, number>;
const point: Point = {x: 1, y: 2};
const full: CallOptions = {
  timeout: 5,
  signal: control.signal,
  trace: {traceparent: '00-…', tracestate: 'x=1'},
  requestId: 'r-1',
};

async function use(): Promise<void> {
  const same: Client = await client.connected();
  const sum: number = await same.call<number>('calc.add', [1, 2], full);
  const anything = await client.call('calc.add', params);
  const moved = await client.call<Point>('move', point);
  const sent: void = await client.notify('note', ['text'], {timeout: null});
  const add: MethodProxy = client.proxy.calc.add;
  const [one, two] = client.batch((batch: Batch) => {
    batch.notify('note');
    return [batch.call<number>('calc.add', [1, 2]), batch.call<string>('name')] as const;
  });
  console.log(sum, anything.whatever, moved.x, sent, await add(1, 2), await one, await two);
}

const stop: () => void = client.on('chat.said', (who: string, text: string) => console.log(who, text));
stop();
client.expose('ask', async (question: string): Promise<string> => {
  throw new RPCError(1, question, {why: 'no'});
})();

use().catch((error: unknown) => {
  if (error instanceof RPCError) console.log(error.code + 1, error.message, error.data, error.toJSON());
  for (const Kind of [CallTimeout, ConnectionLost, AuthenticationFailed, ProtocolError, NotFullDuplex]) {
    if (error instanceof Kind) console.log(error.name, error.cause);
  }
});
client.close();
console.log(state, url);
