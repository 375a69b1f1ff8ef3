/**
 * What is around the control of every field: its name, its type, what it is for, and what is wrong with it.
 *
 * @module
 */

import {stringify} from './exact.js';
import {html} from './html.js';
import {describe} from './wording.js';

const LONGEST = 200;

/**
 * The faults that stand at a place, or below it.
 *
 * @param {import('./validation.js').Fault[]} faults
 * @param {(string | number)[]} path
 * @param {boolean} [below] whether those below it count as well
 * @returns {import('./validation.js').Fault[]}
 */
export function faultsAt(faults, path, below = false) {
  return faults.filter(({path: place}) =>
    (below ? place.length >= path.length : place.length === path.length) && path.every((step, i) => place[i] === step));
}

/**
 * The attributes that bind a control to its description and its fault.
 *
 * @param {string} id of the control
 * @param {boolean} isWrong
 * @param {string | undefined} description
 * @returns {object}
 */
export function described(id, isWrong, description) {
  const ids = [`${id}-type`, ...(description ? [`${id}-description`] : []), ...(isWrong ? [`${id}-fault`] : [])];
  return {'id': id, 'aria-describedby': ids.join(' '), 'aria-invalid': isWrong ? 'true' : undefined};
}

/** What is wrong, told as soon as it is. */
export function Fault({id, faults}) {
  if (faults.length === 0) return null;
  return html`<p class="field-fault" role="alert" id=${`${id}-fault`}>${faults.map(({text}) => text).join('; ')}</p>`;
}

/** The type in words, and what the value is for. */
export function About({id, schema, document, description}) {
  const text = description ?? schema.description;
  return html`
    <span class="field-type" id=${`${id}-type`}>${describe(schema, document)}</span>
    ${text && html`<p class="field-description" id=${`${id}-description`}>${text}</p>`}
  `;
}

/** A value that no control of its field can show; it stays until somebody replaces it. */
export function Misfit({id, value, label, onReplace, isWrong}) {
  const text = stringify(value);
  return html`
    <div class="field-misfit">
      <code id=${id} tabindex="-1">${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}</code>
      <button type="button" onClick=${onReplace} aria-describedby=${isWrong ? `${id}-fault` : undefined}
        aria-label=${`Replace the value of ${label}`}>Replace</button>
    </div>
  `;
}
