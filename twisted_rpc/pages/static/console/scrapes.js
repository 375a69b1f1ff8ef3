/**
 * What scrapes of /metrics tell of the last minutes.
 *
 * @module
 */

import {bucketsBetween, parseMetrics, quantile, rates, sumBy} from './prometheus.js';

/** How many seconds are kept. */
export const KEPT = 600;

/** The quantiles of a duration, by what they are called. */
export const QUANTILES = {p50: 0.5, p90: 0.9, p99: 0.99};

/** The name that all methods together go by. */
export const ALL = '';

/**
 * What two scrapes tell, one after the other.
 *
 * @typedef {object} Point
 * @property {number} time of the later one, in seconds
 * @property {Map<string, number>} calls per second, by method
 * @property {Map<string, number>} errors per second, by code
 * @property {Map<string, number[]>} latency seconds at each of `QUANTILES`, by method; `ALL` for all
 * @property {Map<string, number>} connections that are open, by transport
 * @property {number | null} inFlight calls that run
 * @property {number | null} lag seconds that the reactor is late
 */

/**
 * What two scrapes tell.
 *
 * @param {{time: number, metrics: Map<string, import('./prometheus.js').Sample[]>}} before
 * @param {{time: number, metrics: Map<string, import('./prometheus.js').Sample[]>}} after
 * @returns {Point}
 */
export function pointBetween(before, after) {
  const seconds = after.time - before.time;
  const rate = (name, label) => rates(sumBy(before.metrics, name, label), sumBy(after.metrics, name, label), seconds);
  const calls = rate('json_rpc_calls_total', 'method');
  const called = [...calls].filter(([, perSecond]) => perSecond > 0).map(([method]) => method);
  const latency = [ALL, ...called].map((method) => [method, quantilesOf(before, after, method)]);
  return {
    time: after.time,
    calls,
    errors: rate('json_rpc_errors_total', 'code'),
    latency: new Map(latency),
    connections: sumBy(after.metrics, 'json_rpc_connections', 'transport'),
    inFlight: only(after.metrics, 'json_rpc_in_flight'),
    lag: only(after.metrics, 'json_rpc_reactor_lag_latest_seconds'),
  };
}

function quantilesOf(before, after, method) {
  const where = method === ALL ? {} : {method};
  const buckets = bucketsBetween(before.metrics, after.metrics, 'json_rpc_duration_seconds', where);
  return Object.values(QUANTILES).map((q) => quantile(q, buckets));
}

function only(metrics, name) {
  return sumBy(metrics, name).get('') ?? null;
}

/**
 * Scrapes as they come, and the points between them.
 */
export class Scrapes {
  /** @type {Point[]} */
  points = [];
  #last;

  /**
   * Take one more.
   *
   * @param {number} time in seconds, later than the one before
   * @param {string} text of /metrics
   * @throws {SyntaxError} it is no such text
   */
  add(time, text) {
    const scrape = {time, metrics: parseMetrics(text)};
    if (this.#last !== undefined && time > this.#last.time) {
      this.points = [...this.points.filter((point) => point.time > time - KEPT), pointBetween(this.#last, scrape)];
    }
    this.#last = scrape;
  }

  /** Begin anew with the next scrape: what came meanwhile belongs to no moment. */
  pause() {
    this.#last = undefined;
  }
}

/**
 * The keys of a map of the points that have the greatest sums.
 *
 * @param {Point[]} points
 * @param {'calls' | 'errors' | 'connections'} name
 * @param {number} most
 * @returns {string[]} the greatest first
 */
export function greatest(points, name, most) {
  const sums = new Map();
  for (const point of points) {
    for (const [key, value] of point[name]) sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums].sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1)).slice(0, most).map(([key]) => key);
}
