/**
 * What Prometheus scrapes, and what it would make of it.
 *
 * The text is version 0.0.4 of Prometheus's exposition format; OpenMetrics differs in what is passed over here.
 *
 * @module
 */

/**
 * @typedef {{labels: Record<string, string>, value: number}} Sample
 * @typedef {{le: number, count: number}} Bucket counts are cumulative, as in the text
 */

const SAMPLE = /^([A-Za-z_:][\w:]*)\s*(?:\{(.*)\})?\s+([^\s{}]+)(?:\s+-?[\d.]+)?(?:\s+#.*)?\s*$/;
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/gy;
const ESCAPES = {n: '\n', '"': '"', '\\': '\\'};
const NUMBERS = {'+Inf': Infinity, 'Inf': Infinity, '-Inf': -Infinity, 'NaN': NaN};

/**
 * Read the samples of a scrape.
 *
 * @param {string} text
 * @returns {Map<string, Sample[]>} by the name of their line, such as `x_bucket`
 * @throws {SyntaxError} a line is none; the message names it by its number
 */
export function parseMetrics(text) {
  const found = new Map();
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [name, sample] = sampleIn(line, index + 1);
    if (found.has(name)) found.get(name).push(sample);
    else found.set(name, [sample]);
  });
  return found;
}

function sampleIn(line, number) {
  const match = SAMPLE.exec(line);
  const value = match === null ? undefined : (NUMBERS[match[3]] ?? Number(match[3]));
  const labels = match === null ? undefined : labelsIn(match[2] ?? '');
  if (labels === undefined || (Number.isNaN(value) && match[3] !== 'NaN')) {
    throw new SyntaxError(`line ${number} is no sample of Prometheus's text format`);
  }
  return [match[1], {labels, value}];
}

function labelsIn(text) {
  const labels = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    labels[match[1]] = match[2].replace(/\\(.)/g, (whole, escaped) => ESCAPES[escaped] ?? whole);
    end = match.index + match[0].length;
  }
  return text.slice(end).trim() === '' ? labels : undefined;
}

/**
 * The values of one metric, added up by a label.
 *
 * @param {Map<string, Sample[]>} metrics of `parseMetrics`
 * @param {string} name
 * @param {string} [label] all in one, under the name '', without it
 * @param {Record<string, string>} [where] what other labels have to be
 * @returns {Map<string, number>} by the label's value
 */
export function sumBy(metrics, name, label, where = {}) {
  const sums = new Map();
  for (const {labels, value} of metrics.get(name) ?? []) {
    if (!fits(labels, where)) continue;
    const key = label === undefined ? '' : (labels[label] ?? '');
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}

function fits(labels, where) {
  return Object.keys(where).every((name) => labels[name] === where[name]);
}

/**
 * How much a counter has grown; one that is less than before began anew with its process.
 *
 * @param {number | undefined} before undefined if it was not there
 * @param {number} after
 * @returns {number}
 */
export function increase(before, after) {
  return before === undefined || after < before ? after : after - before;
}

/**
 * How fast counters grow.
 *
 * @param {Map<string, number>} before by the value of a label, see `sumBy`
 * @param {Map<string, number>} after
 * @param {number} seconds between them
 * @returns {Map<string, number>} per second
 */
export function rates(before, after, seconds) {
  return new Map([...after].map(([key, value]) => [key, increase(before.get(key), value) / seconds]));
}

/**
 * The buckets of what a histogram has seen between two scrapes.
 *
 * @param {Map<string, Sample[]> | undefined} before undefined for all that it has ever seen
 * @param {Map<string, Sample[]>} after
 * @param {string} name without `_bucket`
 * @param {Record<string, string>} [where] what labels have to be
 * @returns {Bucket[]} in ascending order
 */
export function bucketsBetween(before, after, name, where = {}) {
  const old = before === undefined ? new Map() : sumBy(before, `${name}_bucket`, 'le', where);
  return [...sumBy(after, `${name}_bucket`, 'le', where)]
    .map(([le, count]) => ({le: NUMBERS[le] ?? Number(le), count: increase(old.get(le), count)}))
    .sort((left, right) => left.le - right.le);
}

/**
 * A quantile out of buckets, as `histogram_quantile` of Prometheus has it: within a bucket it lies in proportion, above the
 * last finite one it is that one's bound.
 *
 * @param {number} q from 0 to 1
 * @param {Bucket[]} buckets in ascending order, the last of `+Inf`
 * @returns {number} NaN if there was nothing to count
 */
export function quantile(q, buckets) {
  const last = buckets.at(-1);
  if (buckets.length < 2 || last.le !== Infinity || !(last.count > 0)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const rank = q * last.count;
  const index = buckets.findIndex(({count}) => count >= rank);
  if (index === buckets.length - 1) return buckets.at(-2).le;
  if (index === 0 && buckets[0].le <= 0) return buckets[0].le;
  const [begin, below] = index === 0 ? [0, 0] : [buckets[index - 1].le, buckets[index - 1].count];
  const {le, count} = buckets[index];
  // An empty bucket can only be the first, where rank is 0.
  return count === below ? begin : begin + (le - begin) * ((rank - below) / (count - below));
}
