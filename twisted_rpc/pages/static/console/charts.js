/**
 * Live charts of what a daemon does.
 *
 * @module
 */

import {Chart} from './chart.js';
import {html} from './html.js';
import {useName} from './ids.js';
import {usePolling} from './polling.js';
import {ALL, greatest, QUANTILES, Scrapes} from './scrapes.js';
import {useMemo, useRef, useState} from './vendor/hooks.js';

const EVERY = 2000;
const LINES = 8;

const perSecond = (value) => (value === null ? '–' : `${short(value)}/s`);
const seconds = (value) => {
  if (value === null) return '–';
  return value < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
};
const count = (value) => (value === null ? '–' : short(value));

function short(value) {
  return String(Number(value.toPrecision(3)));
}

/**
 * Charts of the last ten minutes, as long as the page can be seen.
 *
 * @param {object} props
 * @param {() => Promise<string>} props.load the text of /metrics; an error stops until somebody goes on
 */
export function Charts({load}) {
  const scrapes = useRef(new Scrapes());
  const [points, setPoints] = useState([]);
  const [chosen, choose] = useState(ALL);
  const take = async () => {
    scrapes.current.add(Date.now() / 1000, await load());
    setPoints(scrapes.current.points);
  };
  const {error, resume} = usePolling(take, EVERY, () => scrapes.current.pause());
  return html`
    <div class="part charts">
      ${error !== undefined && html`
        <p class="field-fault" role="alert">The charts stand still: ${error.message} <button type="button" onClick=${resume}>Go on</button></p>
      `}
      ${points.length === 0 && error === undefined && html`<p class="field-note" role="status">Two looks make a chart: a moment…</p>`}
      ${points.length > 0 && html`<${All} points=${points} chosen=${chosen} choose=${choose} />`}
    </div>
  `;
}

function All({points, chosen, choose}) {
  const times = useMemo(() => points.map(({time}) => time), [points]);
  const draw = (title, series, format, choice) => html`
    <${Chart} key=${title} title=${title} times=${times} series=${series} format=${format}>${choice}</${Chart}>
  `;
  const lines = (name) => {
    const keys = greatest(points, name, LINES);
    const made = keys.map((key) => ({label: key, values: points.map((point) => point[name].get(key) ?? 0)}));
    return made.length === 0 ? [{label: 'none', values: points.map(() => 0)}] : made;
  };
  const methods = html`<${Methods} points=${points} chosen=${chosen} choose=${choose} />`;
  return html`
    <div class="chart-grid">
      ${draw('Calls per second', lines('calls'), perSecond)}
      ${draw('Errors per second', lines('errors'), perSecond)}
      ${draw('Duration of calls', latencies(points, chosen), seconds, methods)}
      ${draw('Connections', lines('connections'), count)}
      ${draw('Calls that run', [{label: 'in flight', values: points.map(({inFlight}) => inFlight)}], count)}
      ${draw('Lag of the reactor', [{label: 'lag', values: points.map(({lag}) => lag)}], seconds)}
    </div>
  `;
}

/** Which method's durations are shown: of those that are called most. */
function Methods({points, chosen, choose}) {
  const id = useName();
  const methods = greatest(points, 'calls', 50);
  const listed = chosen === ALL || methods.includes(chosen) ? methods : [...methods, chosen];
  return html`
    <label for=${id} class="hidden-text">Method</label>
    <select id=${id} value=${chosen} onChange=${(event) => choose(event.target.value)}>
      <option value=${ALL}>all methods</option>
      ${listed.map((method) => html`<option value=${method}>${method}</option>`)}
    </select>
  `;
}

function latencies(points, method) {
  return Object.keys(QUANTILES).map((label, index) => ({
    label,
    values: points.map(({latency}) => {
      const value = latency.get(method)?.[index];
      return value === undefined || Number.isNaN(value) ? null : value;
    }),
  }));
}
