/**
 * JSON to look at: in colours, in parts that open and close.
 *
 * @module
 */

import {CopyButton} from './copying.js';
import {isNumber, isObject, stringify} from './exact.js';
import {html} from './html.js';
import {useState} from './vendor/hooks.js';

/** How many parts are shown at once, and how long a text may be. */
const PORTION = 100;
const LONGEST = 2000;
/** What is open from the beginning: so deep, and no more parts than this. */
const DEPTH = 3;
const OPEN = 50;
/**
 * What cannot be seen, or turns round what stands beside it: controls and formats of Unicode. The joiners stay: scripts and
 * pictures are written with them.
 */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** A text as JSON writes it, with an escape for all that cannot be seen. */
function written(text) {
  const escaped = (character) => character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return JSON.stringify(text).replace(UNSEEN, escaped);
}

/**
 * A value of any size. What is closed, or beyond the first hundred of its container, is not in the page before it is asked
 * for.
 *
 * @param {object} props
 * @param {unknown} props.value of JSON; an `Exact` and a bigint are numbers
 * @param {string} [props.label] what it is, for screen readers
 */
export function JSONView({value, label = 'the value'}) {
  return html`
    <div class="part json-view">
      <${CopyButton} text=${() => stringify(value, 2)} label=${label} />
      <div class="json-root" role="group" aria-label=${label} tabindex="0"><${Part} value=${value} depth=${0} /></div>
    </div>
  `;
}

function Part({name, value, depth}) {
  const isContainer = Array.isArray(value) || isObject(value);
  const title = name === undefined ? null : html`<${Title} name=${name} />`;
  if (!isContainer) return html`<div class="json-line">${title}<${Leaf} value=${value} /></div>`;
  return html`<${Container} title=${title} name=${name} value=${value} depth=${depth} />`;
}

function Title({name}) {
  const shown = typeof name === 'number' ? String(name) : written(name);
  return html`<span class=${typeof name === 'number' ? 'json-index' : 'json-name'}>${shown}</span><span class="json-mark">: </span>`;
}

function Container({title, name, value, depth}) {
  const keys = Array.isArray(value) ? undefined : Object.keys(value);
  const count = keys?.length ?? value.length;
  const [isOpen, setOpen] = useState(depth < DEPTH && (depth === 0 || count <= OPEN));
  const [open, close] = keys === undefined ? '[]' : '{}';
  if (count === 0) return html`<div class="json-line">${title}<span class="json-mark">${open}${close}</span></div>`;
  const summary = `${count} ${keys === undefined ? 'item' : 'member'}${count === 1 ? '' : 's'}`;
  return html`
    <div class="json-line">
      <button type="button" class="json-toggle" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}
        aria-label=${`${isOpen ? 'Close' : 'Open'} ${name ?? 'all'}, ${summary}`}>${isOpen ? '▾' : '▸'}</button>
      ${title}<span class="json-mark">${open}</span>
      ${!isOpen && html`<span class="json-summary">${summary}</span><span class="json-mark">${close}</span>`}
    </div>
    ${isOpen && html`
      <div class="json-parts"><${Parts} value=${value} keys=${keys} count=${count} depth=${depth + 1} /></div>
      <div class="json-line"><span class="json-mark">${close}</span></div>
    `}
  `;
}

/** The parts of a container, a hundred and then a hundred more. */
function Parts({value, keys, count, depth}) {
  const [shown, setShown] = useState(PORTION);
  const parts = [];
  for (let index = 0; index < Math.min(shown, count); index += 1) {
    const name = keys === undefined ? index : keys[index];
    parts.push(html`<${Part} key=${name} name=${name} value=${value[name]} depth=${depth} />`);
  }
  const left = count - shown;
  return html`
    ${parts}
    ${left > 0 && html`
      <button type="button" class="json-more" onClick=${() => setShown(shown + PORTION)}>
        ${Math.min(left, PORTION)} more of ${left}
      </button>
    `}
  `;
}

function Leaf({value}) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value !== 'string') return html`<span class=${isNumber(value) ? 'json-number' : 'json-word'}>${stringify(value)}</span>`;
  const shown = isWhole || value.length <= LONGEST ? value : value.slice(0, LONGEST);
  return html`
    <span class="json-text">${written(shown)}</span>
    ${shown.length < value.length && html`
      <button type="button" class="json-more" onClick=${() => setWhole(true)}>all ${value.length} characters</button>
    `}
  `;
}
