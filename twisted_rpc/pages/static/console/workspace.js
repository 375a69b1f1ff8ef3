/** What somebody works on: drafts, answers, a batch, the history. */

import {isObject, parse} from './exact.js';
import {History} from './history.js';
import {firstText, methodOf, paramsOf as parametersOf} from './openrpc.js';

/** The work of one visit; it outlives the views that show it. */
export class Workspace {
  /** How calls are sent: websocket or http. */
  transport = 'websocket';
  /** Whether calls are sent as notifications, which are not answered. */
  notification = false;
  /** What is sent together: `id`, `method`, `text`, `notification`, and perhaps `outcome`. */
  batch = [];
  history = new History();

  #session;
  #changed;
  #drafts = new Map();
  #outcomes = new Map();
  #last = 0;
  #visit = {};

  /**
   * @param {object} session what sends
   * @param {() => void} changed is told of every change
   */
  constructor(session, changed) {
    this.#session = session;
    this.#changed = changed;
  }

  /** Forget what was answered, as somebody else may be here now. */
  forget() {
    this.#visit = {};
    this.#outcomes.clear();
    this.batch = [];
    this.#changed();
  }

  /** Forget what was written and sent as well, as whoever was here has left. */
  leave() {
    this.#drafts.clear();
    this.history.clear();
    this.forget();
  }

  /** Set `transport` or `notification`. */
  choose(choice) {
    Object.assign(this, choice);
    this.#changed();
  }

  /** The parameters of a method as they stand in the editor: JSON text. */
  draftOf(method) {
    return this.#drafts.get(method.name) ?? firstText(method, this.#session.document);
  }

  setDraft(name, text) {
    this.#drafts.set(name, text);
    this.#changed();
  }

  /** How the last call of a method ended; `{isPending: true, cancel}` while it runs. */
  outcomeOf(name) {
    return this.#outcomes.get(name);
  }

  /**
   * Send a call, and keep how it ended.
   *
   * @param {{method: string, text: string, transport?: string, notification?: boolean}} request
   */
  async send({method, text, transport = this.transport, notification = this.notification}) {
    const abort = new AbortController();
    const pending = {isPending: true, cancel: () => abort.abort(new Error('You cancelled the call'))};
    this.#outcomes.set(method, pending);
    this.#changed();
    const visit = this.#visit;
    const params = paramsOf(text);
    const request = {method, params, transport, notification, signal: abort.signal};
    const outcome = await this.#session.send(request);
    if (visit !== this.#visit) return;
    this.#remember({method, text, transport, notification}, outcome);
    if (this.#outcomes.get(method) === pending) this.#outcomes.set(method, {...outcome, notification});
    this.#changed();
  }

  /** Put a call into the batch. */
  addToBatch(method, text) {
    this.#last += 1;
    this.batch = [...this.batch, {id: this.#last, method, text, notification: this.notification}];
    this.#changed();
  }

  /** Take a call out of the batch; all of them without its number. */
  removeFromBatch(id) {
    this.batch = id === undefined ? [] : this.batch.filter((item) => item.id !== id);
    this.#changed();
  }

  /** Send the batch as one message. */
  async sendBatch() {
    const [sent, visit] = [this.batch, this.#visit];
    if (sent.some(({outcome}) => outcome?.isPending)) return;
    this.batch = sent.map((item) => ({...item, outcome: {isPending: true}}));
    this.#changed();
    const requests = sent.map((item) => ({...item, params: paramsOf(item.text)}));
    const {transport} = this;
    const outcomes = await this.#session.sendBatch(requests, transport);
    if (visit !== this.#visit) return;
    const ended = new Map(sent.map((item, index) => [item.id, outcomes[index]]));
    this.batch = this.batch.map((item) =>
      ended.has(item.id) ? {...item, outcome: {...ended.get(item.id), notification: item.notification}} : item);
    for (const item of [...sent].reverse()) {
      this.#remember({...item, transport}, ended.get(item.id));
    }
    this.#changed();
  }

  /** Keep a call in the history; by position the document alone says which parameters are secrets. */
  #remember(request, outcome) {
    const {document} = this.#session;
    const method = methodOf(document, request.method);
    const names = method === undefined ? [] : parametersOf(method, document).map(({name}) => name);
    this.history.add({...request, names}, outcome);
  }

  /** Forget what was sent. */
  clearHistory() {
    this.history.clear();
    this.#changed();
  }
}

/** Parameters from their text; nothing at all if there is none. */
export function paramsOf(text) {
  return text.trim() === '' ? undefined : parse(text);
}

/**
 * Why a text cannot be sent as parameters; '' if it can.
 *
 * @param {string} text
 * @returns {string} in words, with line and column
 */
export function faultOfText(text) {
  try {
    const params = paramsOf(text);
    const isSent = params === undefined || params === null || Array.isArray(params) || isObject(params);
    return isSent ? '' : 'Parameters are an object {…} or a list […].';
  } catch (error) {
    return error.message;
  }
}
