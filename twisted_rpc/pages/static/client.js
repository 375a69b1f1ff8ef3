/**
 * A JSON-RPC 2.0 client for browsers and for Node.
 *
 * `client.d.ts` says what each member is for.  Times are milliseconds, as timers take them.
 */

const CONNECTING = 'connecting';
const CONNECTED = 'connected';
const DISCONNECTED = 'disconnected';
const CLOSED = 'closed';

const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;
// Unauthorized; or a server that knows no `auth`, or none like this.  Others may pass.
const REFUSALS = new Set([-32001, METHOD_NOT_FOUND, -32602]);

const HANDSHAKE = 10_000; // that a connection may take, or who is asked whether they are there
const LONGEST = 2 ** 31 - 1; // what a timer can wait
const EXCERPT = 200;

/** Tell of a mistake in a function of the page's as the page is told of all others. */
const report = (mistake) => (globalThis.reportError ?? console.error)(mistake);

// -- errors -----------------------------------------------------------------------------------

/** An error with a code: what the server answered, or what an exposed function throws. */
export class RPCError extends Error {
  name = 'RPCError';

  constructor(code, message, data) {
    if (!Number.isInteger(code)) throw new TypeError(`a code is an integer, not ${code}`);
    super(message);
    this.code = code;
    this.data = data;
  }

  toJSON() {
    return {code: this.code, message: this.message, data: this.data};
  }
}

/** The server did not answer in time. */
export class CallTimeout extends Error {
  name = 'CallTimeout';
}

/** The line dropped before the answer came, or none could be made, or the client is closed. */
export class ConnectionLost extends Error {
  name = 'ConnectionLost';
}

/** The server does not take our credentials. */
export class AuthenticationFailed extends Error {
  name = 'AuthenticationFailed';
}

/** What the server sent is no JSON-RPC. */
export class ProtocolError extends Error {
  name = 'ProtocolError';
}

/** Over HTTP nothing comes but answers. */
export class NotFullDuplex extends Error {
  name = 'NotFullDuplex';
}

// -- JSON -------------------------------------------------------------------------------------

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isParams = (value) => value == null || typeof value === 'object';
const isId = (value) => value === null || ['string', 'number'].includes(typeof value);
/** An error of null beside a result, which JSON-RPC 1.0 sends, is no error. */
const isFailure = (answer) => answer.error != null;
const isAnswer = (item) =>
  isObject(item) && item.method === undefined && isId(item.id) &&
  (isFailure(item) || item.result !== undefined);
const isRequest = (item) =>
  isObject(item) && item.jsonrpc === '2.0' && typeof item.method === 'string' &&
  isParams(item.params) && (item.id === undefined || isId(item.id));

const excerpt = (text) => text.slice(0, EXCERPT).replace(/\s+/g, ' ').trim();
const joined = (texts) => (texts.length === 1 ? texts[0] : `[${texts.join(',')}]`);

/** Refuse what `JSON.stringify` would leave out, or write as null, without a word. */
function sayable(key, value) {
  const isSayable = typeof value === 'number' ? Number.isFinite(value)
    : typeof value !== 'function' && typeof value !== 'symbol';
  if (isSayable) return value;
  throw new TypeError(`${key || 'a value'}: JSON cannot say ${String(value)}`);
}

function encoded(message) {
  const text = JSON.stringify({jsonrpc: '2.0', ...message}, sayable);
  // Half of a surrogate pair is written as an escape, and nothing else that begins so is.
  if (/(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(text)) {
    throw new TypeError('UTF-8 cannot say half of a surrogate pair');
  }
  return text;
}

/** The error of an answer (specification, section 5.1). */
function errorOf({error}) {
  if (isObject(error) && Number.isInteger(error.code) && typeof error.message === 'string') {
    return new RPCError(error.code, error.message, error.data);
  }
  return new ProtocolError(`the answer's error is none: ${excerpt(JSON.stringify(error))}`);
}

/** What a call of the server's is answered with where it fails; the cause is not for it. */
function failure(id, error) {
  try {
    if (error instanceof RPCError) return encoded({id, error});
  } catch (mistake) {
    error = mistake;
  }
  report(error);
  return encoded({id, error: {code: INTERNAL_ERROR, message: 'Internal error'}});
}

// -- options ----------------------------------------------------------------------------------

function checkNames(what, given, names) {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new TypeError(`${what} has no option ${unknown}`);
}

function milliseconds(name, value) {
  if (value === null || (typeof value === 'number' && value >= 0 && value <= LONGEST)) return value;
  throw new TypeError(`${name} is a number of milliseconds or null, not ${value}`);
}

/** Credentials of a form that the server knows. */
function proof(auth) {
  const names = isObject(auth) ? Object.keys(auth).sort().join() : '';
  const isKnown = ['password,user', 'token', 'ticket'].includes(names);
  if (isKnown && Object.values(auth).every((value) => typeof value === 'string')) return auth;
  throw new TypeError('auth is {user, password}, {token} or {ticket}, of texts');
}

/** The Authorization field (RFC 7617, RFC 6750). */
function authorization({user, password, token}) {
  if (token !== undefined) {
    if (/[^\x21-\x7e]/.test(token)) throw new TypeError('a token is ASCII without spaces');
    return `Bearer ${token}`;
  }
  if (user === undefined) throw new TypeError('a ticket is for a WebSocket');
  if (user.includes(':')) throw new TypeError('over HTTP there is no colon in the name of a user');
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`;
}

/** Where a URL leads; a relative one to a WebSocket of the page's own server. */
function resolved(url) {
  let found;
  try {
    found = new URL(url);
  } catch {
    found = relative(url);
  }
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(found.protocol)) {
    throw new TypeError(`a URL begins with ws, wss, http or https, not ${found.protocol}`);
  }
  if (found.username || found.password) throw new TypeError('user and password belong to auth');
  found.hash = '';
  return found;
}

function relative(url) {
  try {
    const found = new URL(url, globalThis.location?.href);
    found.protocol = found.protocol.replace('http', 'ws');
    return found;
  } catch {
    throw new TypeError(`${url} is no URL, and there is no page that it could be relative to`);
  }
}

/** Half of a second, then later and later up to half a minute, by chance up to half less. */
function laterAndLater(failures) {
  return Math.min(30_000, 500 * 2 ** (failures - 1)) * (1 - Math.random() / 2);
}

// -- what is sent -----------------------------------------------------------------------------

/** A call, or a notification, which has no id, until it ends: once. */
class Message {
  #settle;
  #timer;
  #signal;
  #abort = () => this.#giveUp(this.#signal.reason, false);

  constructor(id, method, params, {timeout, signal, trace, requestId}) {
    if (typeof method !== 'string' || !method) throw new TypeError('a method has a name');
    if (!isParams(params)) throw new TypeError(`${method}: params are an array or an object`);
    milliseconds('timeout', timeout);
    const {traceparent, tracestate} = trace ?? {};
    const traced = {request_id: requestId, traceparent, tracestate};
    this.text = encoded({method, params: params ?? undefined, id, ...traced});
    this.id = id;
    this.method = method;
    this.isOver = false;
    // Whoever holds it is told when it ends before they end it, and whether it was too late.
    this.holder = {forget() {}};
    this.promise = new Promise((resolve, reject) => (this.#settle = {resolve, reject}));
    this.#watch(timeout, signal);
  }

  #watch(timeout, signal) {
    if (signal?.aborted) {
      this.fail(signal.reason);
      return;
    }
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    if (timeout !== null) this.#timer = setTimeout(() => this.#expire(timeout), timeout);
  }

  #expire(timeout) {
    this.#giveUp(new CallTimeout(`${this.method}: no answer within ${timeout} ms`), true);
  }

  #giveUp(error, isLate) {
    this.fail(error);
    this.holder.forget(this, isLate);
  }

  answered(answer) {
    if (isFailure(answer)) this.fail(errorOf(answer));
    else this.succeed(answer.result);
  }

  succeed(result) {
    this.#end();
    this.#settle.resolve(result);
  }

  fail(error) {
    this.#end();
    this.#settle.reject(error);
  }

  /** Fail with an error like another one that is nobody's own, and name the method. */
  failLike(error) {
    const {constructor: Kind, message, cause} = error;
    this.fail(new Kind(`${this.method}: ${message}`, cause && {cause}));
  }

  #end() {
    this.isOver = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

/** Collects what is sent as one message (specification, section 6). */
class Batch {
  messages = [];
  #make;
  #isBuilt = false;

  constructor(make) {
    this.#make = make;
  }

  call(method, params, options) {
    return this.#add(true, method, params, options);
  }

  notify(method, params, options) {
    return this.#add(false, method, params, options);
  }

  #add(...what) {
    if (this.#isBuilt) throw new TypeError('the batch is sent: build it without waiting');
    const message = this.#make(...what);
    this.messages.push(message);
    return message.promise;
  }

  /** What a function returns that fills the batch. */
  build(fill) {
    try {
      return fill(this);
    } catch (error) {
      for (const message of this.messages) {
        message.promise.catch(() => {});
        message.fail(error);
      }
      throw error;
    } finally {
      this.#isBuilt = true;
    }
  }
}

/** What waits while there is no connection, within bounds. */
class Offline {
  #parcels = new Set();
  #bytes = 0;

  constructor(options = {}) {
    checkNames('offline', options, ['size', 'bytes', 'age', 'whenFull']);
    const {size = 1000, bytes = 1 << 20, age = 30_000, whenFull = 'refuse'} = options;
    if (!(size >= 0 && bytes >= 0)) throw new TypeError('size and bytes of offline are numbers');
    if (!['refuse', 'drop_oldest'].includes(whenFull)) {
      throw new TypeError(`whenFull is "refuse" or "drop_oldest", not ${whenFull}`);
    }
    this.bounds = {size, bytes, age: milliseconds('age', age), whenFull};
  }

  /** Keep what is to be sent together, or end it where there is no room. */
  keep(messages) {
    const text = joined(messages.map((message) => message.text));
    const bytes = new TextEncoder().encode(text).length;
    if (!this.#makeRoom(bytes)) {
      const {size, bytes: most} = this.bounds;
      const full = `there is no connection, and ${size} messages or ${most} bytes wait already`;
      fail(messages, new ConnectionLost(full));
      return;
    }
    const parcel = {messages: new Set(messages), bytes};
    const {age} = this.bounds;
    if (age !== null) parcel.timer = setTimeout(() => this.#expire(parcel), age);
    this.#parcels.add(parcel);
    this.#bytes += bytes;
    const holder = {forget: (message) => this.#forget(parcel, message)};
    for (const message of messages) message.holder = holder;
  }

  #makeRoom(bytes) {
    const {size, bytes: most, whenFull} = this.bounds;
    if (size < 1 || bytes > most) return false;
    while (this.#parcels.size >= size || this.#bytes + bytes > most) {
      if (whenFull === 'refuse') return false;
      const [oldest] = this.#parcels;
      fail(this.#remove(oldest), new ConnectionLost('dropped for a newer one'));
    }
    return true;
  }

  #expire(parcel) {
    const why = `no connection within ${this.bounds.age} ms`;
    fail(this.#remove(parcel), new ConnectionLost(why));
  }

  #forget(parcel, message) {
    parcel.messages.delete(message);
    if (!parcel.messages.size) this.#remove(parcel);
  }

  #remove(parcel) {
    clearTimeout(parcel.timer);
    if (this.#parcels.delete(parcel)) this.#bytes -= parcel.bytes;
    return [...parcel.messages];
  }

  /** All that waits, in its order: arrays of what is sent together. */
  takeAll() {
    return [...this.#parcels].map((parcel) => this.#remove(parcel));
  }
}

function fail(messages, error) {
  for (const message of messages) message.failLike(error);
}

// -- lines ------------------------------------------------------------------------------------

/**
 * A WebSocket, from its opening to its end.
 *
 * Its owner has `make(isCall, method, params, options)`, `heard()`, which is told of every
 * message, `ask(request)`, a promise of the text of the answer, and `parse(text)`.
 */
class SocketLine {
  #url;
  #owner;
  #socket;
  #down;
  #pending = new Map();
  #probe = null;
  #heard = 0;
  #said; // the last error that answers nothing: it may say why the server closes

  constructor(url, owner) {
    this.#url = url;
    this.#owner = owner;
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.opened = new Promise((resolve) => (socket.onopen = resolve));
    this.lost = new Promise((resolve) => (this.#down = resolve));
    socket.onmessage = ({data}) => this.#receive(data);
    socket.onclose = ({code, reason}) => this.#closed(code, reason);
    socket.onerror = () => this.#closed(1006, '');
    socket.binaryType = 'arraybuffer';
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN && this.#down !== null;
  }

  /** Send messages as one. */
  send(messages) {
    this.#socket.send(joined(messages.map((message) => message.text)));
    const together = messages.length > 1 ? messages : null;
    for (const message of messages) {
      if (message.id === undefined) message.succeed();
      else this.#pending.set(message.id, {message, together, heard: this.#heard});
      message.holder = this;
    }
  }

  /** Nobody waits for an answer any more: tell the server, and ask it whether it is there. */
  forget(message, isLate) {
    const found = this.#pending.get(message.id);
    if (!this.#pending.delete(message.id) || !this.isOpen) return;
    if (isLate && found.heard === this.#heard) {
      if (message === this.#probe) {
        this.end(new ConnectionLost(`${this.#url} has fallen silent`));
        return;
      }
      this.#ask();
    }
    this.send([this.#owner.make(false, '$/cancelRequest', {id: message.id}, {timeout: null})]);
  }

  /** A page is told of no pings; but whatever a call is answered says that somebody is there. */
  #ask() {
    if (this.#probe !== null) return;
    const probe = this.#owner.make(true, 'rpc.ping', undefined, {timeout: HANDSHAKE});
    this.#probe = probe;
    probe.promise.catch(() => {}).then(() => (this.#probe = null));
    this.send([probe]);
  }

  #receive(data) {
    let decoded;
    try {
      decoded = this.#owner.parse(data);
    } catch {
      this.#breakOff(data);
      return;
    }
    const items = Array.isArray(decoded) ? decoded : [decoded];
    if (!items.length || !items.every((item) => isAnswer(item) || isRequest(item))) {
      this.#breakOff(data);
      return;
    }
    this.#heard += 1;
    this.#owner.heard();
    for (const answer of items.filter(isAnswer)) this.#answered(answer);
    const requests = items.filter(isRequest);
    if (requests.length) this.#asked(requests, items === decoded);
  }

  #breakOff(data) {
    const sent = typeof data === 'string' ? excerpt(data) : 'a binary message';
    this.end(new ProtocolError(`${this.#url} does not speak JSON-RPC: ${sent}`));
  }

  #answered(answer) {
    if (answer.id === null) {
      if (isFailure(answer)) this.#refused(answer);
      return;
    }
    const found = this.#pending.get(answer.id);
    if (!found) return; // whoever asked has given up
    this.#pending.delete(answer.id);
    found.message.answered(answer);
  }

  /** An error without an id answers a batch (section 6), if it can be nothing else. */
  #refused(answer) {
    const waiting = [...this.#pending.values()];
    const together = waiting[0]?.together;
    if (together && waiting.every((other) => other.together === together)) {
      this.#pending.clear();
      for (const {message} of waiting) message.answered(answer);
    } else {
      this.#said = errorOf(answer);
    }
  }

  async #asked(requests, areTogether) {
    const answers = await Promise.all(requests.map((request) => this.#owner.ask(request)));
    const due = answers.filter((answer) => answer !== undefined);
    if (due.length && this.isOpen) this.#socket.send(areTogether ? `[${due.join(',')}]` : due[0]);
  }

  #closed(code, reason) {
    const why = [`close code ${code}`, reason, this.#said?.message].filter(Boolean).join(', ');
    const cause = this.#said;
    const lost = `the connection to ${this.#url} was lost (${why})`;
    this.end(new ConnectionLost(lost, cause && {cause}));
  }

  /** It is over; all that waits for an answer fails. */
  end(error) {
    if (this.#down === null) return;
    const [socket, down, waiting] = [this.#socket, this.#down, [...this.#pending.values()]];
    this.#down = null;
    this.#pending.clear();
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // an attempt that is given up fails all the same
    socket.close();
    fail(waiting.map(({message}) => message), error);
    down(error);
  }
}

/** Calls over HTTP: each message is a request of its own. */
class FetchLine {
  isOpen = true;
  #url;
  #auth;
  #parse;
  #requests = new Map();

  constructor(url, auth, parse) {
    this.#url = url;
    this.#auth = auth;
    this.#parse = parse;
  }

  /** Send messages as one. */
  async send(messages) {
    const request = new AbortController();
    const wanted = new Set(messages);
    const forget = (message) => wanted.delete(message) && !wanted.size && request.abort();
    for (const message of messages) message.holder = {forget};
    this.#requests.set(request, messages);
    try {
      const text = joined(messages.map((message) => message.text));
      this.#deliver(await this.#post(text, request.signal), messages);
    } catch (error) {
      fail(messages, error);
    } finally {
      this.#requests.delete(request);
    }
  }

  async #post(body, signal) {
    const auth = await this.#auth();
    const headers = {'Content-Type': 'application/json', Accept: 'application/json'};
    if (auth) headers.Authorization = authorization(auth);
    // Without the browser's own credentials a 401 does not open its dialogue.
    const rules = {credentials: 'omit', redirect: 'error', cache: 'no-store'};
    try {
      const answer = await fetch(this.#url, {method: 'POST', body, headers, signal, ...rules});
      return {status: answer.status, text: await answer.text()};
    } catch (cause) {
      throw new ConnectionLost(`no answer from ${this.#url}: ${cause.message}`, {cause});
    }
  }

  #deliver({status, text}, messages) {
    const items = itemsOf(text, this.#parse);
    const [first] = items ?? [];
    const error = first && first.id === null && isFailure(first) ? errorOf(first) : undefined;
    const answered = `${this.#url} answered ${status}`;
    if (status === 401 || status === 403) {
      const why = error?.data ?? error?.message ?? excerpt(text);
      throw new AuthenticationFailed(`${answered}: ${why}`, error && {cause: error});
    }
    if (error) {
      for (const message of messages) message.fail(error);
      return;
    }
    if (![200, 204].includes(status) || items === null) {
      throw new ProtocolError(`${answered}: ${excerpt(text)}`);
    }
    const answers = new Map(items.map((item) => [item.id, item]));
    for (const message of messages) {
      const answer = answers.get(message.id);
      if (answer) message.answered(answer);
      else if (message.id === undefined) message.succeed();
      else message.failLike(new ProtocolError(`${answered} without an answer`));
    }
  }

  /** It is over; all that waits for an answer fails. */
  end(error) {
    this.isOpen = false;
    for (const [request, messages] of this.#requests) {
      fail(messages, error);
      request.abort();
    }
  }
}

/** The answers in a body; null if it is none. */
function itemsOf(text, parse) {
  if (text === '') return [];
  try {
    const items = [parse(text)].flat();
    return items.every(isAnswer) ? items : null;
  } catch {
    return null;
  }
}

// -- the client -------------------------------------------------------------------------------

/** One server, and a connection to it that comes back by itself. */
class Client {
  onstate = null;
  onrequest = null;
  #url;
  #isSocket;
  #options;
  #auth;
  #offline;
  #state = CONNECTING;
  #line = null;
  #last = 0;
  #failures = 0;
  #reason = null;
  #timer;
  #waiting = [];
  #listeners = new Map();
  #methods = new Map();

  constructor(url, options) {
    const {auth = null, timeout = 30_000, reconnect = true} = options;
    const {backoff = laterAndLater, offline, parse = JSON.parse} = options;
    const found = resolved(url);
    this.#url = found.href;
    this.#isSocket = found.protocol.startsWith('ws');
    this.#options = {timeout: milliseconds('timeout', timeout), reconnect, backoff, parse};
    this.#offline = new Offline(offline);
    this.#auth = () => this.#credentials(auth);
    if (auth !== null && typeof auth !== 'function') {
      proof(auth);
      if (!this.#isSocket) authorization(auth);
    }
    this.#start();
  }

  #start() {
    if (this.#isSocket) {
      this.#live().catch((cause) => {
        this.#end(new ConnectionLost(`no connection to ${this.#url}: ${cause.message}`, {cause}));
      });
    } else {
      this.#line = new FetchLine(this.#url, this.#auth, this.#options.parse);
      this.#state = CONNECTED;
    }
  }

  async #credentials(auth) {
    if (typeof auth !== 'function') return auth;
    let given;
    try {
      given = await auth();
    } catch (cause) {
      if (cause instanceof AuthenticationFailed) throw cause;
      throw new ConnectionLost(`there are no credentials: ${cause.message}`, {cause});
    }
    return given == null ? null : proof(given);
  }

  get state() {
    return this.#state;
  }

  get url() {
    return this.#url;
  }

  get proxy() {
    return proxyOf((method, params) => this.call(method, params));
  }

  async call(method, params, options) {
    const message = this.#make(true, method, params, options);
    this.#send([message]);
    return message.promise;
  }

  notify(method, params, options) {
    const message = this.#make(false, method, params, options);
    this.#send([message]);
    return message.promise;
  }

  batch(fill) {
    const batch = new Batch((...what) => this.#make(...what));
    const result = batch.build(fill);
    this.#send(batch.messages);
    return result;
  }

  on(method, listener) {
    this.#checkHears('on', method, listener);
    const listeners = this.#listeners.get(method) ?? new Set();
    this.#listeners.set(method, listeners);
    const entry = {listener};
    listeners.add(entry);
    return () => {
      listeners.delete(entry);
    };
  }

  expose(method, target) {
    this.#checkHears('expose', method, target);
    if (this.#methods.has(method)) throw new TypeError(`${method} is exposed already`);
    this.#methods.set(method, target);
    return () => {
      if (this.#methods.get(method) === target) this.#methods.delete(method);
    };
  }

  #checkHears(what, method, target) {
    if (typeof method !== 'string' || !method) throw new TypeError('a method has a name');
    if (typeof target !== 'function') throw new TypeError(`${what} ${method}: give a function`);
    if (this.#isSocket) return;
    throw new NotFullDuplex(`${what} ${method}: over HTTP nothing comes but answers, use ws://`);
  }

  connected() {
    if (this.#state === CONNECTED) return Promise.resolve(this);
    if (this.#state === CLOSED) return Promise.reject(this.#reason);
    return new Promise((resolve, reject) => this.#waiting.push({resolve, reject}));
  }

  close() {
    this.#end(null);
  }

  // -- what is sent ---------------------------------------------------------------------------

  #make(isCall, method, params, options = {}) {
    checkNames('a call', options, ['timeout', 'signal', 'trace', 'requestId']);
    const timeout = options.timeout === undefined ? this.#options.timeout : options.timeout;
    const id = isCall ? ++this.#last : undefined;
    const message = new Message(id, method, params, {...options, timeout});
    // Who sends a notification need not hear what became of it.
    if (!isCall) message.promise.catch(() => {});
    return message;
  }

  #send(all) {
    const messages = all.filter((message) => !message.isOver);
    if (!messages.length) return;
    if (this.#state === CLOSED) fail(messages, this.#reason);
    else if (this.#state === CONNECTED && this.#line.isOpen) this.#line.send(messages);
    else this.#offline.keep(messages);
  }

  // -- one connection after the other ---------------------------------------------------------

  async #live() {
    await null; // whoever made the client has yet to say what it hears
    while (this.#state !== CLOSED) {
      const error = await this.#serve();
      const mayPass = error instanceof ConnectionLost || error instanceof ProtocolError;
      if (!mayPass || !this.#options.reconnect) {
        this.#end(error);
        return;
      }
      for (const {reject} of this.#waiting.splice(0)) reject(error);
      this.#enter(DISCONNECTED, error);
      this.#failures += 1;
      const delay = milliseconds('backoff', this.#options.backoff(this.#failures));
      await new Promise((resolve) => (this.#timer = setTimeout(resolve, delay)));
      this.#enter(CONNECTING);
    }
  }

  /** One connection from its beginning to its end; why it ended. */
  async #serve() {
    const line = new SocketLine(this.#url, {
      make: (...what) => this.#make(...what),
      heard: () => this.#heard(),
      ask: (request) => this.#ask(request),
      parse: (text) => this.#options.parse(text),
    });
    this.#line = line;
    const late = new ConnectionLost(`no connection to ${this.#url} within ${HANDSHAKE} ms`);
    const timer = setTimeout(() => line.end(late), HANDSHAKE);
    try {
      if (await Promise.race([line.opened, line.lost.then(() => false)])) await this.#logIn(line);
    } catch (error) {
      line.end(error);
    }
    clearTimeout(timer);
    if (line.isOpen) this.#established();
    return line.lost;
  }

  async #logIn(line) {
    const auth = await Promise.race([this.#auth(), line.lost]);
    if (auth === null || !line.isOpen) return;
    const params = auth.user === undefined ? auth : [auth.user, auth.password];
    const message = this.#make(true, 'auth', params, {timeout: null}); // the handshake's counts
    line.send([message]);
    try {
      await message.promise;
    } catch (cause) {
      const Kind = REFUSALS.has(cause.code) ? AuthenticationFailed : ConnectionLost;
      throw new Kind(`${this.#url}: ${cause.data ?? cause.message}`, {cause});
    }
  }

  #established() {
    this.#enter(CONNECTED);
    for (const {resolve} of this.#waiting.splice(0)) resolve(this);
    for (const messages of this.#offline.takeAll()) this.#send(messages);
  }

  /** A server that drops every connection before it has said anything is left alone for longer. */
  #heard() {
    if (this.#state === CONNECTED) this.#failures = 0;
  }

  #end(error) {
    if (this.#state === CLOSED) return;
    this.#reason = error ?? new ConnectionLost(`the client of ${this.#url} is closed`);
    clearTimeout(this.#timer);
    this.#enter(CLOSED, error ?? undefined);
    this.#line?.end(this.#reason);
    fail(this.#offline.takeAll().flat(), this.#reason);
    for (const {reject} of this.#waiting.splice(0)) reject(this.#reason);
  }

  #enter(state, error) {
    if (this.#state === CLOSED) return; // which is for ever
    this.#state = state;
    this.#report(this.onstate, state, error);
  }

  /** Tell the page; its mistakes are its own. */
  #report(listener, ...what) {
    try {
      listener?.(...what);
    } catch (mistake) {
      report(mistake);
    }
  }

  // -- what the server asks for ---------------------------------------------------------------

  async #ask({method, params, id}) {
    this.#report(this.onrequest, method, params, id !== undefined);
    const given = params == null ? [] : Array.isArray(params) ? params : [params];
    if (id === undefined) {
      this.#tell(method, given);
      return undefined;
    }
    try {
      const target = this.#methods.get(method);
      if (!target) throw new RPCError(METHOD_NOT_FOUND, 'Method not found');
      return encoded({id, result: (await target(...given)) ?? null});
    } catch (error) {
      return failure(id, error);
    }
  }

  #tell(method, given) {
    for (const {listener} of [...(this.#listeners.get(method) ?? [])]) {
      try {
        listener(...given);
      } catch (mistake) {
        report(mistake);
      }
    }
  }
}

/** The server's methods as attributes; `then` is none, or `await` would call it. */
function proxyOf(call, path = '') {
  return new Proxy(() => {}, {
    get(_, name) {
      if (typeof name === 'symbol' || name === 'then') return undefined;
      return proxyOf(call, path ? `${path}.${name}` : name);
    },
    apply: (_, self, params) => call(path, params),
  });
}

/** A client of the server at a URL. */
export function connect(url, options = {}) {
  checkNames('connect', options, ['auth', 'timeout', 'reconnect', 'backoff', 'offline', 'parse']);
  return new Client(url, options);
}
