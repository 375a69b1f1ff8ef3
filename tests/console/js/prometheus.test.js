import assert from 'node:assert/strict';
import {test} from 'node:test';

import {bucketsBetween, increase, parseMetrics, quantile, rates, sumBy} from '../../../twisted_rpc/pages/static/console/prometheus.js';

const TEXT = `# HELP json_rpc_calls_total Calls.
# TYPE json_rpc_calls_total counter
json_rpc_calls_total{method="a",status="ok"} 3.0
json_rpc_calls_total{method="a",status="error"} 1.0
json_rpc_calls_total{method="b\\"}\\\\\\n,{",status="ok"} 2e1
json_rpc_in_flight 7

limit +Inf 1395066363000
seconds_bucket{method="a",le="0.1"} 1
seconds_bucket{method="a",le="+Inf"} 4
seconds_bucket{method="a",le="0.5",} 3
`;

test('samples are read with their labels', () => {
  const metrics = parseMetrics(TEXT);
  assert.deepEqual(metrics.get('json_rpc_in_flight'), [{labels: {}, value: 7}]);
  assert.deepEqual(metrics.get('json_rpc_calls_total')[2], {labels: {method: 'b"}\\\n,{', status: 'ok'}, value: 20});
  assert.equal(metrics.get('limit')[0].value, Infinity);
});

test('a line that is no sample is named', () => {
  for (const line of ['x', 'x{a="b} 1', 'x{a=b} 1', 'x one', '{a="b"} 1', 'x{a="b" c="d"} 1', '<html>']) {
    assert.throws(() => parseMetrics(`ok 1\n${line}\n`), {message: "line 2 is no sample of Prometheus's text format"}, line);
  }
  assert.ok(Number.isNaN(parseMetrics('x NaN').get('x')[0].value));
});

test('sums go by a label, and where others are something', () => {
  const metrics = parseMetrics(TEXT);
  assert.deepEqual([...sumBy(metrics, 'json_rpc_calls_total', 'method')], [['a', 4], ['b"}\\\n,{', 20]]);
  assert.deepEqual([...sumBy(metrics, 'json_rpc_calls_total')], [['', 24]]);
  assert.deepEqual([...sumBy(metrics, 'json_rpc_calls_total', 'method', {status: 'error'})], [['a', 1]]);
  assert.deepEqual([...sumBy(metrics, 'nothing')], []);
});

test('a counter that fell began anew', () => {
  assert.equal(increase(5, 8), 3);
  assert.equal(increase(8, 5), 5);
  assert.equal(increase(undefined, 5), 5);
  assert.deepEqual([...rates(new Map([['a', 1]]), new Map([['a', 5], ['b', 2]]), 2)], [['a', 2], ['b', 1]]);
});

test('buckets are what came between two scrapes', () => {
  const before = parseMetrics('s_bucket{le="1"} 2\ns_bucket{le="+Inf"} 3');
  const after = parseMetrics('s_bucket{le="+Inf"} 9\ns_bucket{le="1"} 5');
  assert.deepEqual(bucketsBetween(before, after, 's'), [{le: 1, count: 3}, {le: Infinity, count: 6}]);
  assert.deepEqual(bucketsBetween(undefined, parseMetrics(TEXT), 'seconds', {method: 'a'}),
    [{le: 0.1, count: 1}, {le: 0.5, count: 3}, {le: Infinity, count: 4}]);
});

// The figures of Prometheus's own documentation of histogram_quantile and its tests.
test('quantiles lie in proportion within a bucket', () => {
  const buckets = [{le: 0.1, count: 1}, {le: 0.2, count: 3}, {le: Infinity, count: 4}];
  const close = (q, expected) => assert.ok(Math.abs(quantile(q, buckets) - expected) < 1e-12, `${q}: ${quantile(q, buckets)}`);
  close(0, 0);
  close(0.125, 0.05);
  close(0.25, 0.1);
  close(0.5, 0.15);
  close(0.75, 0.2);
  close(0.9, 0.2); // in the last one: the bound of the last finite
  assert.equal(quantile(-1, buckets), -Infinity);
  assert.equal(quantile(2, buckets), Infinity);
});

test('there is no quantile of nothing', () => {
  assert.ok(Number.isNaN(quantile(0.5, [])));
  assert.ok(Number.isNaN(quantile(0.5, [{le: Infinity, count: 4}])));
  assert.ok(Number.isNaN(quantile(0.5, [{le: 1, count: 0}, {le: Infinity, count: 0}])));
  assert.ok(Number.isNaN(quantile(0.5, [{le: 1, count: 1}])));
});

test('below zero a first bucket is its bound, and an empty one its beginning', () => {
  assert.equal(quantile(0.1, [{le: -1, count: 2}, {le: Infinity, count: 4}]), -1);
  assert.equal(quantile(0, [{le: 1, count: 0}, {le: 2, count: 4}, {le: Infinity, count: 4}]), 0);
});
