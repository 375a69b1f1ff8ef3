/** What was sent, kept for as long as the browser's tab is open, and never a secret. */

const KEY = 'twisted-rpc.history';
const MOST = 100;
const LONGEST = 20_000; // characters of one call's parameters

/** Names that a secret may stand behind. */
const SECRET = /password|passwd|secret|token|api_?key|credential/i;
const SECRET_MEMBER = new RegExp(`"[^"]*(?:${SECRET.source})[^"]*"\\s*:`, 'i');

/** The calls of this tab, newest first. */
export class History {
  /** @type {object[]} */
  items = [];

  constructor() {
    this.items = read();
  }

  /**
   * Keep a call.
   *
   * @param {{method: string, text: string, transport: string, notification: boolean, names: string[]}} request `names` are
   *   those of the method's parameters
   * @param {object} outcome of `outcomeOf`; what the method answered is not kept
   */
  add({method, text, transport, notification, names}, {ok, at, ms, error}) {
    const id = (this.items[0]?.id ?? 0) + 1;
    const isByPosition = text.trimStart().startsWith('[');
    const hidden = method === 'auth' || SECRET_MEMBER.test(text) || (isByPosition && names.some((name) => SECRET.test(name)));
    const item = {id, method, text: hidden ? '' : text, hidden, transport, notification, ok, at, ms};
    if (error) Object.assign(item, {code: error.code, message: error.message});
    this.items = [item, ...this.items].slice(0, MOST);
    write(this.items);
  }

  /** Forget all. */
  clear() {
    this.items = [];
    write(this.items);
  }
}

const isCall = (item) => typeof item?.method === 'string' && typeof item.text === 'string';

function read() {
  try {
    const items = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(items) ? items.filter(isCall) : [];
  } catch {
    return []; // not ours, or nothing may be kept
  }
}

function write(items) {
  try {
    const short = items.filter(({text}) => text.length <= LONGEST);
    sessionStorage.setItem(KEY, JSON.stringify(short));
  } catch {
    // Then it lasts until the page is left.
  }
}
