/**
 * Fields that have fields: objects, maps, lists, unions.
 *
 * Each takes what a `Field` takes, and `Field` itself, of which its parts are made.
 *
 * @module
 */

import {isSame} from './exact.js';
import {Fault, faultsAt, Misfit} from './frame.js';
import {html} from './html.js';
import {defaultOf, itemAt, kindOf, memberOf, onlyValue, resolve, variantsOf} from './schema.js';
import {validate, variantOf} from './validation.js';
import {useRef, useState} from './vendor/hooks.js';
import {describe} from './wording.js';

const MOST = 100;

/** A value to begin with where something has to stand: null for a type without an end. */
function beginning(schema, document) {
  return defaultOf(schema, document) ?? null;
}

/** The members that a schema names, and behind them those that it only has a type for. */
export function ObjectField(props) {
  const {Field, schema, document, value = {}, onChange, path, faults} = props;
  const known = Object.entries(schema.properties ?? {});
  const further = Object.keys(value).filter((name) => !Object.hasOwn(schema.properties ?? {}, name));
  const isOpen = schema.properties === undefined || (schema.additionalProperties ?? false) !== false;
  const put = (name, given) => {
    const {[name]: _, ...others} = value;
    onChange(given === undefined ? others : {...value, [name]: given});
  };
  return html`
    ${known.filter(([name, member]) => !isTag(member, value[name], document)).map(([name, member]) => html`
      <${Field} key=${name} label=${name} schema=${member} document=${document} faults=${faults} path=${[...path, name]}
        value=${Object.hasOwn(value, name) ? value[name] : undefined} required=${schema.required?.includes(name) ?? false}
        onChange=${(given) => put(name, given)} />
    `)}
    ${isOpen ? html`<${Members} ...${props} value=${value} names=${further} />` : html`<${Unknown} ...${props} names=${further} />`}
  `;
}

/** What tells a type apart within a union has one value, and needs no field. */
function isTag(member, value, document) {
  const resolved = resolve(member, document);
  return kindOf(resolved) === 'const' && isSame(value, onlyValue(resolved));
}

/** Members that have no field: they are named, and stay. */
function Unknown({names, path, faults}) {
  if (names.length === 0) return null;
  const isWrong = names.some((name) => faultsAt(faults, [...path, name]).length > 0);
  return html`<p class=${isWrong ? 'field-fault' : 'field-note'} role=${isWrong ? 'alert' : undefined}>
    ${isWrong ? 'there is no such member: ' : 'also there: '}${names.join(', ')}
  </p>`;
}

/** Members of any name. */
function Members({Field, schema, document, value, names, onChange, path, faults, label}) {
  const add = () => onChange({...value, [freeName(value)]: beginning(memberOf(schema, ''), document)});
  const rename = (name, other) =>
    onChange(Object.fromEntries(Object.entries(value).map(([key, member]) => [key === name ? other : key, member])));
  const remove = (name) => onChange(Object.fromEntries(Object.entries(value).filter(([key]) => key !== name)));
  return html`
    <ul class="field-items">
      ${names.slice(0, MOST).map((name, index) => html`
        <li key=${index}>
          <${Name} name=${name} taken=${value} onChange=${(other) => rename(name, other)} />
          <${Field} label=${name} isBare=${true} schema=${memberOf(schema, name)} document=${document} faults=${faults} required=${true}
            path=${[...path, name]} value=${value[name]} onChange=${(given) => onChange({...value, [name]: beginningOf(given)})} />
          <button type="button" aria-label=${`Remove ${name} from ${label}`} onClick=${() => remove(name)}>Remove</button>
        </li>
      `)}
    </ul>
    <${Surplus} count=${names.length - MOST} />
    <button type="button" class="field-add" aria-label=${`Add to ${label}`} onClick=${add}>Add</button>
  `;
}

/** What stands where a number was emptied: there is no leaving out in a list. */
function beginningOf(given) {
  return given === undefined ? '' : given;
}

function freeName(value) {
  let number = 1;
  while (Object.hasOwn(value, `name${number}`)) number += 1;
  return `name${number}`;
}

/** The name of a member; one that another has is not taken. */
function Name({name, taken, onChange}) {
  const [typed, setTyped] = useState();
  const shown = typed?.of === name ? typed.text : name;
  const isTaken = shown !== name;
  const type = (text) => {
    const isFree = text === name || !Object.hasOwn(taken, text);
    setTyped(isFree ? undefined : {of: name, text});
    if (isFree && text !== name) onChange(text);
  };
  return html`
    <input type="text" class="field-name" aria-label="name" aria-invalid=${isTaken ? 'true' : undefined} value=${shown}
      autocomplete="off" spellcheck=${false} onInput=${(event) => type(event.target.value)} />
    ${isTaken && html`<p class="field-fault" role="alert">there is one of this name</p>`}
  `;
}

function Surplus({count}) {
  return count > 0 ? html`<p class="field-note">and ${count} more, in the text alone</p>` : null;
}

/** Items one after the other; a tuple has as many as it names. */
export function ListField({Field, schema, document, value = [], onChange, path, faults, label}) {
  const adding = useRef();
  const fixed = schema.prefixItems?.length ?? 0;
  const isOpen = schema.items !== false;
  const put = (index, given) => onChange(value.with(index, beginningOf(given)));
  const remove = (index) => {
    onChange(value.toSpliced(index, 1));
    adding.current?.focus(); // the button that had the focus is gone
  };
  const move = (index, by) => onChange(value.toSpliced(index, 1).toSpliced(index + by, 0, value[index]));
  const add = () => onChange([...value, beginning(itemAt(schema, value.length), document)]);
  return html`
    <ol class="field-items">
      ${value.slice(0, MOST).map((item, index) => html`
        <li key=${index}>
          <${Field} label=${`${label} ${index + 1}`} isBare=${true} schema=${itemAt(schema, index)} document=${document} faults=${faults}
            required=${true} path=${[...path, index]} value=${item} onChange=${(given) => put(index, given)} />
          ${index >= fixed && html`
            <span class="field-tools">
              <button type="button" disabled=${index === fixed} aria-label=${`Move ${label} ${index + 1} up`}
                onClick=${() => move(index, -1)}>↑</button>
              <button type="button" disabled=${index === value.length - 1} aria-label=${`Move ${label} ${index + 1} down`}
                onClick=${() => move(index, 1)}>↓</button>
              <button type="button" aria-label=${`Remove ${label} ${index + 1}`} onClick=${() => remove(index)}>Remove</button>
            </span>
          `}
        </li>
      `)}
    </ol>
    <${Surplus} count=${value.length - MOST} />
    ${(isOpen || value.length < fixed) && html`
      <button type="button" class="field-add" ref=${adding} aria-label=${`Add to ${label}`} onClick=${add}>Add</button>
    `}
  `;
}

/** A value of one of several types, which are chosen by what they are called. */
export function UnionField({Field, schema, document, value, onChange, path, faults, label, attributes}) {
  const [own, setOwn] = useState();
  const variants = variantsOf(schema, document);
  // What is typed on the way to a number is text: as long as nobody else changes the value, it is of the chosen kind.
  const index = own !== undefined && isSame(own.value, value) ? own.index : indexOf(value, variants, document);
  const put = (at, given) => {
    setOwn({index: at, value: given});
    onChange(given);
  };
  const choose = (at) => put(at, beginning(variants[at], document));
  return html`
    <select ...${attributes} class="field-kind" value=${index} onChange=${(event) => choose(Number(event.target.value))}>
      ${index < 0 && html`<option value="-1" disabled>choose…</option>`}
      ${variants.map((variant, at) => html`<option value=${at}>${nameOf(variant, document)}</option>`)}
    </select>
    ${index >= 0 && kindOf(variants[index]) !== 'null' && html`
      <${Field} key=${index} label=${label} isBare=${true} schema=${variants[index]} document=${document} required=${true} path=${path} value=${value}
        faults=${value === undefined ? [] : validate(value, variants[index], document, path)} onChange=${(given) => put(index, given)} />
    `}
    ${index < 0 && value !== undefined && html`
      <${Misfit} id=${`${attributes.id}-value`} value=${value} label=${label} onReplace=${() => choose(0)} isWrong=${true} />
      <${Fault} id=${`${attributes.id}-value`} faults=${faultsAt(faults, path, true)} />
    `}
  `;
}

function indexOf(value, variants, document) {
  return value === undefined ? -1 : variantOf(value, variants, document);
}

function nameOf(variant, document) {
  return variant.tag === undefined ? describe(variant, document) : String(variant.tag[1]);
}
