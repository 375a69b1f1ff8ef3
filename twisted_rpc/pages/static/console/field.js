/**
 * One value of a form, whatever its type.
 *
 * @module
 */

import {ListField, ObjectField, UnionField} from './containers.js';
import {isObject, isSame, stringify} from './exact.js';
import {About, described, Fault, faultsAt, Misfit} from './frame.js';
import {html} from './html.js';
import {useName} from './ids.js';
import {AnyField, ChoiceField, isNumeric, NumberField, OnlyField, TextField} from './scalars.js';
import {defaultOf, fitsType, kindOf, resolve} from './schema.js';
import {isShownAsTime, TimeField} from './times.js';
import {useState} from './vendor/hooks.js';

const CONTROLS = {
  __proto__: null, // a schema may name any type
  any: {control: AnyField, shows: () => true},
  union: {control: UnionField, shows: () => true},
  const: {control: OnlyField, shows: (value, schema) => fitsType(value, schema)},
  null: {control: OnlyField, shows: (value) => value === null},
  enum: {control: ChoiceField, shows: (value, schema) => fitsType(value, schema)},
  boolean: {control: ChoiceField, shows: (value) => typeof value === 'boolean'},
  integer: {control: NumberField, shows: isNumeric},
  number: {control: NumberField, shows: isNumeric},
  string: {control: TextField, shows: (value) => typeof value === 'string'},
  array: {control: ListField, shows: Array.isArray, isGroup: true},
  tuple: {control: ListField, shows: Array.isArray, isGroup: true},
  object: {control: ObjectField, shows: isObject, isGroup: true},
  map: {control: ObjectField, shows: isObject, isGroup: true},
  none: {control: () => null, shows: () => false},
};

function controlOf(schema, value) {
  const kind = kindOf(schema);
  if (kind === 'string' && isShownAsTime(schema, value)) return {control: TimeField, shows: () => true};
  return CONTROLS[kind] ?? CONTROLS.any;
}

/**
 * A field.
 *
 * @param {object} props
 * @param {string} props.label
 * @param {string} [props.description] for the schema's own
 * @param {object} props.schema
 * @param {object} props.document
 * @param {unknown} props.value undefined if there is none
 * @param {(value: unknown) => void} props.onChange called with undefined to leave it out
 * @param {(string | number)[]} props.path where the value stands
 * @param {import('./validation.js').Fault[]} props.faults of the whole form
 * @param {boolean} props.required whether it cannot be left out
 * @param {boolean} [props.isBare] whether its label is for screen readers alone: another stands there
 */
export function Field(props) {
  const {label, document, value, onChange, path, faults, required, isBare = false, description} = props;
  const schema = resolve(props.schema, document);
  const id = useName();
  const [isTouched, touch] = useState(false);
  const {control, shows, isGroup = false} = controlOf(schema, value);
  const isLeftOut = value === undefined && !required;
  const isShown = value === undefined || shows(value, schema);
  // The kind that a union has says itself what is wrong; and nobody likes to be told what is missing before
  // they came to it.
  const all = kindOf(schema) === 'union' && value !== undefined ? [] : faultsAt(faults, path, !isShown);
  const own = all.filter(({missing}) => isTouched || !missing);
  const attributes = described(id, own.length > 0, description ?? schema.description);
  const parts = {...props, schema, Field, attributes};
  const replace = () => onChange(defaultOf(schema, document) ?? null);
  return html`
    <${isGroup ? 'fieldset' : 'div'} class=${`field field-${kindOf(schema)}`} onFocusOut=${() => touch(true)}
      ...${isGroup ? {'aria-describedby': attributes['aria-describedby']} : {}}>
      <${Head} ...${props} id=${id} schema=${schema} isGroup=${isGroup} isBare=${isBare} isLeftOut=${isLeftOut} onGive=${replace} />
      ${isLeftOut && html`<p class="field-note">${defaultText(schema)}</p>`}
      ${!isLeftOut && !isShown && html`<${Misfit} id=${id} value=${value} label=${label} onReplace=${replace} isWrong=${own.length > 0} />`}
      ${!isLeftOut && isShown && html`<${control} ...${parts} />`}
      <${Fault} id=${id} faults=${own} />
    </${isGroup ? 'fieldset' : 'div'}>
  `;
}

/** The name of a field, whether it is given, its type and what it is for. */
function Head({id, label, schema, document, description, required, isGroup, isBare, isLeftOut, value, onChange, onGive}) {
  const name = html`<span class="field-label">${label}</span>`;
  const give = html`
    <input type="checkbox" aria-label=${`Give ${label}`} checked=${value !== undefined}
      onChange=${(event) => (event.target.checked ? onGive() : onChange(undefined))} />
  `;
  const title = isGroup
    ? html`<legend class=${isBare ? 'hidden-text' : undefined}>${name}</legend>`
    : html`<label for=${isLeftOut ? undefined : id} class=${isBare ? 'hidden-text' : undefined}>${name}</label>`;
  return html`
    ${title}
    <div class=${`field-about ${isBare ? 'hidden-text' : ''}`}>
      ${!required && give}
      ${required && !isBare && html`<span class="field-required">required</span>`}
      <${About} id=${id} schema=${schema} document=${document} description=${description} />
    </div>
  `;
}

function defaultText(schema) {
  return schema.default === undefined || isSame(schema.default, null) ? 'left out' : `left out: ${stringify(schema.default)}`;
}
