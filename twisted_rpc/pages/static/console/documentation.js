/** What there is to read about a method: its text, parameters, result, errors, examples. */

import {html} from './html.js';
import {JSONView} from './json.js';
import {stringify} from './exact.js';
import {errorsOf, examplesOf, paramsOf} from './openrpc.js';
import {resolve} from './schema.js';
import {describe} from './wording.js';

/**
 * The documentation of a method.
 *
 * @param {{method: object, document: object, onLoad: (text: string) => void}} props
 *   `onLoad` is given the parameters of an example, as JSON
 */
export function Documentation({method, document, onLoad}) {
  if (method.isUnknown || document.bare) return null;
  const errors = errorsOf(method, document);
  const examples = examplesOf(method, document);
  return html`<section class="documentation" aria-label="Documentation">
    <${Prose} text=${method.description} />
    <${Examples} examples=${examples} onLoad=${onLoad} />
    <${Parameters} params=${paramsOf(method, document)} document=${document} />
    <${Result} method=${method} document=${document} />
    <${Errors} errors=${errors} />
  </section>`;
}

/** Text as it was written: paragraphs, and lines that are set off stay as they are. */
function Prose({text}) {
  if (!text) return null;
  return html`<div class="prose">${text.split(/\n\s*\n/).map((part) =>
    html`<p class=${/^\s/m.test(part) ? 'as-written' : ''}>${part}</p>`)}</div>`;
}

function Examples({examples, onLoad}) {
  if (!examples.length) return null;
  return html`<h2>Examples</h2><ul class="examples">${examples.map((example) => html`<li key=${example.name}>
    <div class="example-head"><h3>${example.name}</h3>
      <button class="button small" onClick=${() => onLoad(stringify(example.params, 2))}
        aria-label="Load: ${example.name}">Load</button></div>
    <code class="example-text">${stringify(example.params)}</code>
    ${example.hasResult && html`<code class="example-text example-result"><span aria-hidden="true">→ </span><span
      class="sr-only">gives </span>${stringify(example.result)}</code>`}
  </li>`)}</ul>`;
}

function Parameters({params, document}) {
  if (!params.length) return html`<h2>Parameters</h2><p class="muted">None.</p>`;
  return html`<h2>Parameters</h2><dl class="members">${params.map((param) => html`
    <${Member} key=${param.name} name=${param.name} schema=${param.schema ?? {}} document=${document}
      isOptional=${!param.required} text=${param.description ?? param.summary} />`)}</dl>`;
}

function Result({method, document}) {
  if (!method.result) return html`<h2>Result</h2><p class="muted">It is not answered.</p>`;
  const result = resolve(method.result, document);
  const {description, properties} = resolve(result.schema, document);
  const text = result.description ?? result.summary ?? description;
  return html`<h2>Result</h2>
    <p><span class="type">${describe(result.schema ?? {}, document)}</span></p>
    ${text && html`<p>${text}</p>`}
    ${properties && html`<dl class="members">${Object.entries(properties).map(([name, schema]) => html`
      <${Member} key=${name} name=${name} schema=${schema} document=${document} />`)}</dl>`}`;
}

function Member({name, schema, document, isOptional = false, text = resolve(schema, document).description}) {
  return html`<dt><code>${name}</code></dt>
    <dd><span class="type">${describe(schema, document)}</span>
      ${isOptional && html` <span class="optional">optional</span>`}${text && html`<p>${text}</p>`}</dd>`;
}

function Errors({errors}) {
  if (!errors.length) return null;
  return html`<h2>Errors</h2><dl class="members">${errors.map((error) => html`
    <dt key=${error.code}><code>${error.code}</code></dt>
    <dd>${error.message}${error.data !== undefined && html`<${JSONView} value=${error.data} />`}</dd>`)}</dl>`;
}
