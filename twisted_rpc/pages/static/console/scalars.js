/**
 * Controls for values that have no parts.
 *
 * Each takes `{value, onChange, schema, attributes}`: `attributes` are those of `described`; undefined is no value.
 *
 * @module
 */

import {isNumber, isSame, numberOf, parse, stringify} from './exact.js';
import {html} from './html.js';
import {onlyValue} from './schema.js';
import {useState} from './vendor/hooks.js';

/**
 * What somebody types, for as long as it means the value that is there: `1.0` and `1.` on the way to `1.05`.
 *
 * @param {unknown} value
 * @param {(value: unknown) => string} textOf
 * @returns {[string, (text: string, value: unknown) => void]} the text to show, and what keeps one
 */
export function useDraft(value, textOf) {
  const [draft, setDraft] = useState();
  const text = draft !== undefined && isSame(draft.value, value) ? draft.text : textOf(value);
  return [text, (typed, meant) => setDraft({text: typed, value: meant})];
}

/** A number, or what was typed in its place, as text: the fault beside it says so. */
export function NumberField({value, onChange, schema, attributes}) {
  const [text, keep] = useDraft(value, (given) => (given === undefined ? '' : String(given)));
  const type = (typed) => {
    const number = numberOf(typed.trim());
    const meant = number ?? (typed === '' ? undefined : typed);
    keep(typed, meant);
    onChange(meant);
  };
  return html`<input type="text" ...${attributes} inputmode=${schema.type === 'integer' ? 'numeric' : 'decimal'}
    autocomplete="off" spellcheck=${false} value=${text} onInput=${(event) => type(event.target.value)} />`;
}

/** Text; a line is not the end of it. */
export function TextField({value, onChange, attributes}) {
  const text = value ?? '';
  return html`<textarea ...${attributes} rows=${Math.min(8, text.split('\n').length)} spellcheck=${false}
    value=${text} onInput=${(event) => onChange(event.target.value)}></textarea>`;
}

/** One of a few values. */
export function ChoiceField({value, onChange, schema, attributes}) {
  const values = schema.type === 'boolean' ? [true, false] : schema.enum;
  const areTexts = values.every((one) => typeof one === 'string');
  const index = values.findIndex((one) => isSame(one, value));
  return html`
    <select ...${attributes} value=${index} onChange=${(event) => onChange(values[event.target.value])}>
      ${index < 0 && html`<option value="-1" disabled>choose…</option>`}
      ${values.map((one, at) => html`<option value=${at}>${areTexts ? one : stringify(one)}</option>`)}
    </select>
  `;
}

/** The only value there is. */
export function OnlyField({value, onChange, schema, attributes}) {
  const only = schema.type === 'null' ? null : onlyValue(schema);
  if (value === undefined) {
    return html`<button type="button" ...${attributes} onClick=${() => onChange(only)}>set to ${stringify(only)}</button>`;
  }
  return html`<code ...${attributes} tabindex="-1">${stringify(only)}</code>`;
}

/** Any JSON. Text that is none leaves the value as it was. */
export function AnyField({value, onChange, attributes}) {
  const [fault, setFault] = useState();
  const [text, keep] = useDraft(value, (given) => (given === undefined ? '' : stringify(given, 2)));
  const isShown = fault !== undefined && fault.text === text;
  const type = (typed) => {
    try {
      const meant = typed.trim() === '' ? undefined : parse(typed);
      keep(typed, meant);
      onChange(meant);
    } catch (error) {
      keep(typed, value);
      setFault({text: typed, reason: error.message});
    }
  };
  const id = `${attributes.id}-syntax`;
  const wrong = isShown ? {'aria-invalid': 'true', 'aria-describedby': `${attributes['aria-describedby']} ${id}`} : {};
  return html`
    <textarea ...${attributes} ...${wrong} class="field-json" rows=${Math.max(2, Math.min(12, text.split('\n').length))}
      spellcheck=${false} value=${text} onInput=${(event) => type(event.target.value)}></textarea>
    ${isShown && html`<p class="field-fault" role="alert" id=${id}>no JSON yet, so the value stays as it was: ${fault.reason}</p>`}
  `;
}

/** Whether the control of a number shows a value: it is one, or was meant to become one. */
export function isNumeric(value) {
  return isNumber(value) || typeof value === 'string';
}
