/**
 * One chart: lines over time, with a legend that tells what is under the pointer, and a table of the same.
 *
 * @module
 */

import {html} from './html.js';
import {useName} from './ids.js';
import {useEffect, useLayoutEffect, useRef, useState} from './vendor/hooks.js';
import uPlot from './vendor/uplot.js';

const HEIGHT = 180;
/** How many colours parts.css has for lines; more lines use them again. */
const COLOURS = 8;

/**
 * A line: its name, and a value for each time; null where there is none.
 *
 * @typedef {{label: string, values: (number | null)[]}} Series
 */

/**
 * A chart.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {number[]} props.times in seconds since 1970
 * @param {Series[]} props.series
 * @param {(value: number | null) => string} props.format a value with its unit
 * @param {import('preact').ComponentChildren} [props.children] what chooses what is shown, beside the title
 */
export function Chart({title, times, series, format, children}) {
  const id = useName();
  const place = useRef();
  const plot = useRef();
  const [pointed, setPointed] = useState(null);
  const theme = useTheme();
  const data = [times, ...series.map(({values}) => values)];
  const names = JSON.stringify(series.map(({label}) => label));
  useLayoutEffect(() => {
    const width = place.current.clientWidth;
    const hooks = {setCursor: [({cursor}) => setPointed(cursor.idx ?? null)]};
    plot.current = new uPlot({...looksOf(place.current, series, format), width, height: HEIGHT, hooks}, data, place.current);
    const resizing = new ResizeObserver(([{contentRect}]) => plot.current.setSize({width: contentRect.width, height: HEIGHT}));
    resizing.observe(place.current);
    return () => {
      resizing.disconnect();
      plot.current.destroy();
    };
  }, [names, theme]);
  useEffect(() => plot.current.setData(data), [times, series]);
  const index = pointed !== null && pointed < times.length ? pointed : times.length - 1;
  return html`
    <figure class="chart" aria-labelledby=${id}>
      <div class="chart-head"><figcaption id=${id}>${title}</figcaption>${children}</div>
      <div class="chart-plot" ref=${place} aria-hidden="true"></div>
      <ul class="chart-legend">
        ${series.map(({label, values}, at) => html`
          <li><span class=${`chart-swatch colour-${at % COLOURS}`}></span>${label} <b>${format(values[index] ?? null)}</b></li>
        `)}
      </ul>
      <${Table} title=${title} series=${series} format=${format} />
    </figure>
  `;
}

/** The same in numbers. */
function Table({title, series, format}) {
  return html`
    <details>
      <summary>In numbers<span class="hidden-text">: ${title}</span></summary>
      <div class="chart-table" tabindex="0" role="group" aria-label=${`${title} in numbers`}><table>
        <thead><tr><td></td><th scope="col">now</th><th scope="col">mean</th><th scope="col">greatest</th></tr></thead>
        <tbody>
          ${series.map(({label, values}) => {
            const known = values.filter((value) => value !== null);
            const mean = known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
            return html`<tr><th scope="row">${label}</th><td>${format(values.at(-1) ?? null)}</td>
              <td>${format(mean)}</td><td>${format(known.length === 0 ? null : Math.max(...known))}</td></tr>`;
          })}
        </tbody>
      </table></div>
    </details>
  `;
}

/** Options of uPlot, in the colours of the page. */
function looksOf(place, series, format) {
  const [text, grid] = [colourOf(place, '--muted'), colourOf(place, '--border')];
  const axis = {stroke: text, grid: {stroke: grid, width: 1}, ticks: {stroke: grid, width: 1}, font: '12px sans-serif'};
  const lines = series.map(({label}, index) => ({
    label,
    stroke: colourOf(place, `--line-${index % COLOURS}`),
    width: 1.5,
    points: {show: false},
  }));
  return {
    series: [{}, ...lines],
    axes: [{...axis, space: 80, values: (_, ticks) => ticks.map(clock)}, {...axis, size: 64, values: (_, ticks) => ticks.map((tick) => format(tick))}],
    scales: {y: {range: (_, least, most) => [Math.min(0, least ?? 0), (most || 1) * 1.1]}},
    cursor: {drag: {x: false, y: false}, y: false, points: {size: 6}},
    legend: {show: false},
  };
}

function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', second: '2-digit'});
}

/** A colour of the style sheet as a canvas takes it: whatever it is made of there. */
function colourOf(place, name) {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  place.append(probe);
  const {color} = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Changes when the page's colours do. */
function useTheme() {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const change = () => setCount((before) => before + 1);
    const media = matchMedia('(prefers-color-scheme: dark)');
    const switching = new MutationObserver(change);
    media.addEventListener('change', change);
    switching.observe(document.documentElement, {attributes: true, attributeFilter: ['data-theme']});
    return () => {
      media.removeEventListener('change', change);
      switching.disconnect();
    };
  }, []);
  return count;
}
