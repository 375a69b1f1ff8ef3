/** How a call ended, and how that is said to people. */

import {stringify} from './exact.js';

const MEANINGS = new Map([
  [-32700, 'The server could not read this as JSON.'],
  [-32600, 'The server does not take this as a request.'],
  [-32601, 'There is no method of this name, or you may not call it.'],
  [-32602, 'The parameters do not fit the method.'],
  [-32603, 'Something failed inside the server; its log says more.'],
  [-32001, 'You have to log in for this.'],
  [-32002, 'The method took longer than it may.'],
  [-32005, 'Too many calls in a short time; wait a little.'],
  [-32007, 'The request is longer than the server takes.'],
  [-32008, 'The answer is longer than the server sends.'],
  [-32009, 'The server has too much to do right now.'],
  [-32012, 'The server is about to stop and takes no more calls.'],
]);

/**
 * Run a call and keep how it ended.
 *
 * @param {() => Promise<unknown>} run makes the call
 * @returns {Promise<object>} `ok`, `ms`, `at` (milliseconds since 1970), and `result` with `bytes`,
 *   or `error` with `name`, `message`, perhaps `code` and `data`
 */
export async function outcomeOf(run) {
  const begun = performance.now();
  const at = Date.now();
  const ended = () => ({at, ms: performance.now() - begun});
  try {
    const result = await run();
    return {ok: true, result, ...ended(), bytes: bytesOf(result)};
  } catch (error) {
    const {name, message, code, data} = error;
    return {ok: false, error: {name, message, code, data}, ...ended(), bytes: bytesOf(data)};
  }
}

function bytesOf(value) {
  return value === undefined ? 0 : new TextEncoder().encode(stringify(value)).length;
}

/** What an error means, in a sentence. */
export function meaningOf({code, message}) {
  return MEANINGS.get(code) ?? (code === undefined ? `${message}.`.replace('..', '.') : '');
}

/**
 * Which parameter an error is about, where the server says it: `filters.verified: Expected …`.
 *
 * @param {{code: number, data: unknown}} error
 * @returns {{parameter: string, reason: string}|null}
 */
export function faultOf({code, data}) {
  if (code !== -32602 || typeof data !== 'string') return null;
  const missing = /^missing: (.+)$/s.exec(data);
  if (missing) return {parameter: missing[1], reason: 'is missing'};
  const found = /^([^\s:']{1,200}): (.+)$/s.exec(data);
  if (found) return {parameter: found[1], reason: found[2]};
  return {parameter: '', reason: data};
}

/** Milliseconds as people read them. */
export function timeText(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A number of bytes as people read it. */
export function sizeText(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** A moment as the time of the day, to the millisecond. */
export function clockText(at) {
  const time = new Date(at);
  const two = (number) => String(number).padStart(2, '0');
  const ms = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}
