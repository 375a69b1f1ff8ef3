/** What the server has sent by itself: the newest, within bounds. */

const MOST = 500;

/** Notifications and calls, newest first. */
export class Received {
  /** @type {{id: number, at: number, name: string, params: unknown, isCall: boolean}[]} */
  items = [];
  /** How many have come since the page was opened. */
  count = 0;
  /** How many have come since somebody looked. */
  unread = 0;
  isPaused = false;
  /** How many were not kept while it was paused. */
  skipped = 0;

  #changed;

  /** @param {() => void} changed is told of every change */
  constructor(changed) {
    this.#changed = changed;
  }

  /**
   * Keep one, unless it is paused.
   *
   * @param {{name: string, params: unknown, isCall: boolean}} request
   */
  add(request) {
    this.count += 1;
    if (this.isPaused) this.skipped += 1;
    else this.items = [{id: this.count, at: Date.now(), ...request}, ...this.items].slice(0, MOST);
    this.unread += 1;
    this.#changed();
  }

  /** Keep no more until it is called again. */
  pause() {
    this.isPaused = !this.isPaused;
    this.skipped = 0;
    this.#changed();
  }

  /** Forget all. */
  clear() {
    this.items = [];
    this.unread = this.skipped = 0;
    this.#changed();
  }

  /** Somebody has looked. */
  seen() {
    if (this.unread === 0) return;
    this.unread = 0;
    this.#changed();
  }
}
