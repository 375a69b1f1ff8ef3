// What the tests share: daemons, servers that misbehave, and patience.

import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, writeFileSync, openSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {WebSocketServer} from 'ws';

export const {
  connect, AuthenticationFailed, CallTimeout, ConnectionLost, NotFullDuplex, ProtocolError, RPCError,
} = await import(process.env.CLIENT);

const DEADLINE = 20_000;
const LISTENING = /hybrid on 127\.0\.0\.1:(\d+)$/m;

/** Wait until a condition holds; what it returned. */
export async function until(condition, what = () => condition.toString()) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`in vain: ${what()}`);
    await sleep(5);
  }
}

/** The error that a promise is rejected with. */
export async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not rejected');
}

/** `twistd -n rpc` with the service, on a hybrid port. */
export class Daemon {
  static #directories = 0;

  /** Start one; a port of 0 is any free one.  It ends with this process at the latest. */
  static async start({port = 0, server = '', limits = '', web = ''} = {}) {
    const daemon = new Daemon();
    const directory = mkdtempSync(join(tmpdir(), 'daemon-'));
    writeFileSync(join(directory, 'rpc.toml'), `
[server]
${server}
[limits]
${limits}
[web]
${web}
[[listen]]
transport = "hybrid"
endpoint = "tcp:${port}:interface=127.0.0.1"
[expose]
test = "page_service:Service"
`);
    daemon.log = join(directory, 'log');
    const log = openSync(daemon.log, 'w');
    const command = ['-n', '--pidfile=', 'rpc', '--config', 'rpc.toml'];
    daemon.process = spawn(process.env.TWISTD, command, {
      cwd: directory, stdio: ['ignore', log, log],
    });
    daemon.ended = new Promise((resolve) => daemon.process.on('exit', resolve));
    daemon.process.unref();
    process.on('exit', () => daemon.process.kill('SIGKILL'));
    const read = () => readFileSync(daemon.log, 'utf8');
    daemon.port = Number((await until(() => LISTENING.exec(read()), read))[1]);
    return daemon;
  }

  get ws() {
    return `ws://127.0.0.1:${this.port}/`;
  }

  get http() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** End it as a crash does. */
  async kill() {
    this.process.ref();
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** A client that is closed at the end of a test. */
export function client(t, url, options) {
  const made = connect(url, options);
  t.after(() => made.close());
  return made;
}

/**
 * A WebSocket server that does what a test says: `serve(socket, text)` for each message.
 *
 * `lines` are its connections so far, `received` the texts that came.
 */
export async function scripted(t, serve, opened = () => {}) {
  const server = new WebSocketServer({port: 0, host: '127.0.0.1'});
  await new Promise((resolve) => server.on('listening', resolve));
  const made = {url: `ws://127.0.0.1:${server.address().port}/`, lines: [], received: []};
  server.on('connection', (socket) => {
    made.lines.push(socket);
    socket.on('error', () => {});
    socket.on('message', (data) => {
      made.received.push(String(data));
      serve(socket, String(data));
    });
    opened(socket);
  });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return made;
}

/** A TCP server that writes what a test says once something has come, and closes. */
export async function raw(t, answer, {closes = true} = {}) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (data) => {
      if (answer !== null) socket.write(typeof answer === 'function' ? answer(data) : answer);
      if (closes) socket.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {port: server.address().port, sockets};
}
