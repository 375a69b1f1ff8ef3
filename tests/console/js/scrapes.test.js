import assert from 'node:assert/strict';
import {test} from 'node:test';

import {greatest, KEPT, Scrapes} from '../../../twisted_rpc/pages/static/console/scrapes.js';

/** A scrape with so many calls of two methods, one of them always as long. */
function text(a, b) {
  return `json_rpc_calls_total{method="a",status="ok"} ${a}
json_rpc_calls_total{method="b",status="error"} ${b}
json_rpc_errors_total{code="-32601"} ${b}
json_rpc_duration_seconds_bucket{method="a",le="0.1"} ${a}
json_rpc_duration_seconds_bucket{method="a",le="+Inf"} ${a}
json_rpc_connections{transport="tcp"} 3
json_rpc_in_flight 2
json_rpc_reactor_lag_latest_seconds 0.25
`;
}

test('a point is what two scrapes tell', () => {
  const scrapes = new Scrapes();
  scrapes.add(100, text(10, 5));
  assert.deepEqual(scrapes.points, []);
  scrapes.add(102, text(30, 5));
  const [point] = scrapes.points;
  assert.equal(point.time, 102);
  assert.deepEqual([...point.calls], [['a', 10], ['b', 0]]);
  assert.deepEqual([...point.errors], [['-32601', 0]]);
  assert.deepEqual([...point.latency.keys()], ['', 'a']);
  assert.deepEqual(point.latency.get('a').map((value) => Number(value.toFixed(6))), [0.05, 0.09, 0.099]);
  assert.deepEqual([...point.connections], [['tcp', 3]]);
  assert.equal(point.inFlight, 2);
  assert.equal(point.lag, 0.25);
});

test('what is not measured is null', () => {
  const scrapes = new Scrapes();
  scrapes.add(0, '');
  scrapes.add(2, '');
  assert.deepEqual([scrapes.points[0].inFlight, scrapes.points[0].lag], [null, null]);
});

test('a daemon that began anew counts from nothing', () => {
  const scrapes = new Scrapes();
  scrapes.add(100, text(1000, 0));
  scrapes.add(102, text(4, 0));
  assert.equal(scrapes.points[0].calls.get('a'), 2);
});

test('ten minutes are kept', () => {
  const scrapes = new Scrapes();
  for (let time = 0; time <= 3 * KEPT; time += 2) scrapes.add(time, text(time, 0));
  assert.equal(scrapes.points.length, KEPT / 2);
  assert.equal(scrapes.points.at(-1).time, 3 * KEPT);
});

test('a pause is no interval', () => {
  const scrapes = new Scrapes();
  scrapes.add(0, text(0, 0));
  scrapes.pause();
  scrapes.add(60, text(600, 0));
  assert.deepEqual(scrapes.points, []);
  scrapes.add(62, text(602, 0));
  assert.equal(scrapes.points[0].calls.get('a'), 1);
});

test('text that is no scrape leaves what is there', () => {
  const scrapes = new Scrapes();
  scrapes.add(0, text(0, 0));
  assert.throws(() => scrapes.add(2, '<html>'), SyntaxError);
  scrapes.add(4, text(4, 0));
  assert.equal(scrapes.points[0].calls.get('a'), 1);
});

test('the greatest are those with the greatest sums', () => {
  const point = (entries) => ({calls: new Map(entries)});
  const points = [point([['a', 1], ['b', 5]]), point([['a', 5], ['c', 2], ['d', 2]])];
  assert.deepEqual(greatest(points, 'calls', 3), ['a', 'b', 'c']);
});
