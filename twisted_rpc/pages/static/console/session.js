/** What the page knows and sends: settings, document, who is logged in, and the two clients. */

import {RPCError, connect} from '../client.js';
import {parseQuickly} from './exact.js';
import {documentOfNames} from './openrpc.js';
import {outcomeOf} from './outcomes.js';
import {Received} from './received.js';

const METHOD_NOT_FOUND = -32601;
const UNAUTHORIZED = -32001;
const TRANSPORTS = {websocket: 'ws', http: 'http'};

/**
 * A visit to a server.
 *
 * Credentials are in its memory and nowhere else: a reload forgets them.
 */
export class Session {
  settings = null;
  document = null;
  /** Who is logged in, for people to read; null for nobody. */
  who = null;
  /** Whether nothing goes on without a login. */
  needsLogin = false;
  /** What went wrong, in words; '' if nothing did. */
  problem = '';
  /** What the server has sent by itself. */
  received = new Received(() => this.#changedSoon());

  #base;
  #auth;
  /** Ends what is under way for whoever is here, when somebody else comes. */
  #visit = new AbortController();
  #clients = new Map();
  #listeners = new Set();
  #frame;

  /** @param {URL} base where the console's own files are */
  constructor(base) {
    this.#base = base;
  }

  /**
   * Be told of every change.
   *
   * @param {() => void} listener
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed() {
    for (const listener of this.#listeners) listener();
  }

  /** Tell it when the window is drawn next: a server may send faster than anybody can look. */
  #changedSoon() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#changed();
    });
  }

  /** The state of the WebSocket: '', connecting, connected, disconnected or closed. */
  get state() {
    return this.#clients.get('websocket')?.state ?? '';
  }

  /** Whether people can log in here at all. */
  get canLogIn() {
    return ['password', 'token'].some((kind) => this.settings?.kinds.includes(kind));
  }

  /**
   * A request with all that one needs to send it from elsewhere; see `snippets.js`.
   *
   * @param {{method: string, params: unknown, transport: string, notification: boolean}} request
   * @returns {object} without credentials: only which kind is due
   */
  fullRequest({method, params, transport, notification}) {
    const auth = this.#auth ? ('token' in this.#auth ? 'token' : 'basic') : 'none';
    return {method, params, isNotification: notification, transport, url: this.urlOf(transport), auth};
  }

  /** The URL that calls go to over a transport. */
  urlOf(transport) {
    const url = new URL(this.settings?.path ?? '/', this.#base);
    url.protocol = TRANSPORTS[transport] + (this.#base.protocol === 'https:' ? 's:' : ':');
    return url.href;
  }

  /** Ask for the settings and the document; what fails is told in `problem`. */
  async start() {
    this.problem = '';
    const {signal} = this.#visit;
    try {
      await this.#load();
    } catch (error) {
      if (signal.aborted) return; // it was for who is here no more
      if (isRefusal(error)) this.needsLogin = true;
      else if (this.settings) this.problem = `The server does not say which methods it has: ${error.message}`;
      else this.problem = 'The server does not answer. Is it still running?';
    }
    this.#changed();
  }

  /** Settings and document, as whoever is logged in sees them. */
  async #load() {
    const answer = await this.#fetch('settings.json');
    if (answer.status === 401) throw new RPCError(UNAUTHORIZED, 'Unauthorized');
    if (!answer.ok) throw new Error(`settings.json is answered with ${answer.status}`);
    this.settings = await answer.json();
    this.who = this.settings.identity;
    this.needsLogin = this.settings.requires_login && this.who === null
      && !this.settings.kinds.includes('anonymous');
    if (this.needsLogin) return;
    this.document = await this.#discover();
    this.client('websocket');
  }

  async #discover() {
    const client = this.client('http');
    try {
      return await client.call('rpc.discover');
    } catch (error) {
      if (error.code !== METHOD_NOT_FOUND) throw error;
    }
    try {
      return documentOfNames(await client.call('rpc.methods'));
    } catch (error) {
      if (error.code !== METHOD_NOT_FOUND) throw error;
      return documentOfNames([]);
    }
  }

  /**
   * Log in; the document is asked for again, since other methods may be there.
   *
   * @param {{user: string, password: string} | {token: string}} auth
   * @returns {Promise<string>} '' if that went well, or why it did not: then nobody is logged in
   */
  async logIn(auth) {
    this.#forget();
    this.#auth = auth;
    const {signal} = this.#visit;
    try {
      await this.#load();
      this.problem = '';
      this.#changed();
      return '';
    } catch (error) {
      if (signal.aborted) return 'You have left.';
      await this.logOut();
      return isRefusal(error) ? 'The server does not take these credentials.' : error.message;
    }
  }

  /** Forget who was logged in, and what only they may see. */
  async logOut() {
    this.#forget();
    this.received.clear();
    await this.start();
  }

  #forget() {
    this.#visit.abort();
    this.#visit = new AbortController();
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    this.#auth = undefined;
    this.who = null;
    this.document = null;
  }

  /**
   * The client of a transport, made when it is needed first.
   *
   * @param {'websocket'|'http'} transport
   */
  client(transport) {
    if (!this.#clients.has(transport)) {
      const client = connect(this.urlOf(transport), {auth: this.#auth ?? null, parse: parseQuickly});
      this.#clients.set(transport, client);
      if (transport === 'websocket') this.#listen(client);
    }
    return this.#clients.get(transport);
  }

  #listen(client) {
    let wasConnected = false;
    client.onstate = (state) => {
      // Another release of the server may have other methods.
      if (state === 'connected' && wasConnected) this.start();
      wasConnected ||= state === 'connected';
      this.#changed();
    };
    client.onrequest = (name, params, isCall) => this.received.add({name, params, isCall});
  }

  /** The text of /metrics, as whoever is logged in may see it. */
  async metrics() {
    const answer = await this.#fetch('/metrics');
    if (!answer.ok) throw new Error(`/metrics is answered with ${answer.status}`);
    return answer.text();
  }

  #fetch(path) {
    const headers = {};
    if (this.#auth?.token) headers.Authorization = `Bearer ${this.#auth.token}`;
    else if (this.#auth) headers.Authorization = basic(this.#auth);
    return fetch(new URL(path, this.#base), {headers, credentials: 'omit', signal: this.#visit.signal});
  }

  /**
   * Send a call or a notification.
   *
   * @param {{method: string, params: unknown, transport: string, notification: boolean, signal?: AbortSignal}} request
   * @returns {Promise<object>} its outcome; see `outcomeOf`
   */
  send({method, params, transport, notification, signal}) {
    const client = this.client(transport);
    return outcomeOf(() =>
      notification ? client.notify(method, params, {signal}) : client.call(method, params, {signal}));
  }

  /**
   * Send several calls as one message.
   *
   * @param {{method: string, params: unknown, notification: boolean}[]} requests
   * @param {string} transport
   * @returns {Promise<object[]>} an outcome of each, in their order
   */
  async sendBatch(requests, transport) {
    let outcomes;
    this.client(transport).batch((batch) => {
      outcomes = requests.map(({method, params, notification}) =>
        outcomeOf(() => (notification ? batch.notify(method, params) : batch.call(method, params))));
    });
    return Promise.all(outcomes);
  }
}

const isRefusal = ({code, name}) => code === UNAUTHORIZED || name === 'AuthenticationFailed';

/** A password as HTTP bears it (RFC 7617), in UTF-8. */
function basic({user, password}) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
