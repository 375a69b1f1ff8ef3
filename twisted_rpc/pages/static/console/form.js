/**
 * A form for the parameters of a call.
 *
 * @module
 */

import {faultsOfCall, parametersOf, valuesOf, withValue} from './arguments.js';
import {defaultOf} from './schema.js';
import {Field} from './field.js';
import {html} from './html.js';
import {pathText} from './wording.js';

/**
 * Parameters to begin with: those that are required.
 *
 * @param {object} method of the document
 * @param {object} document
 * @returns {object | unknown[] | undefined} undefined where none is required
 */
export function initialParams(method, document) {
  const parameters = parametersOf(method, document);
  return parameters.reduce(
    (value, {required, schema}, index) =>
      (required ? withValue(method, parameters, value, index, defaultOf(schema, document) ?? null) : value),
    undefined,
  );
}

/**
 * Fields for the parameters of a method.
 *
 * It keeps no value of its own: what is typed goes to `onChange`, and comes back as `value`. Numbers may be `Exact`: read and
 * write the text beside the form by `parse` and `stringify` of `exact.js`.
 *
 * @param {object} props
 * @param {object} props.method a Method Object of OpenRPC
 * @param {object} props.document the OpenRPC document it is from
 * @param {object | unknown[] | undefined} props.value the parameters
 * @param {(value: object | unknown[] | undefined) => void} props.onChange
 */
export function MethodForm({method, document, value, onChange}) {
  const parameters = parametersOf(method, document);
  const faults = faultsOfCall(method, document, value);
  const names = new Set(parameters.map(({name}) => name));
  const elsewhere = faults.filter(({path}) => path.length === 0 || !names.has(path[0]));
  const values = valuesOf(method, parameters, value);
  const isReadable = !faults.some(({isShape}) => isShape);
  return html`
    <form class="part method-form" onSubmit=${(event) => event.preventDefault()}>
      ${elsewhere.map(({path, text}) => html`<p class="field-fault" role="alert">${[pathText(path), text].filter(Boolean).join(': ')}</p>`)}
      ${parameters.length === 0 && html`<p class="field-note">no parameters</p>`}
      ${isReadable && parameters.map(({name, description, required = false, schema, isRest}, index) => html`
        <${Field} key=${name} label=${name} description=${description} document=${document} faults=${faults} path=${[name]}
          schema=${isRest ? restSchema(schema, values[index]) : schema} required=${required || isRest} value=${values[index]}
          onChange=${(given) => onChange(tidy(withValue(method, parameters, value, index, given)))} />
      `)}
    </form>
  `;
}

/** Any number of further parameters, as a list or an object of them. */
function restSchema(schema, value) {
  return Array.isArray(value) ? {type: 'array', items: schema} : {type: 'object', additionalProperties: schema};
}

/** No parameters at all are none. */
function tidy(params) {
  return Object.keys(params).length === 0 ? undefined : params;
}
