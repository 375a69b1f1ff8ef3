/** Several calls that are sent as one message. */

import {Measures, Outcome} from './answer.js';
import {html} from './html.js';
import {addressOf} from './routes.js';

/**
 * The batch.
 *
 * @param {{workspace: object}} props
 */
export function Batch({workspace}) {
  const {batch} = workspace;
  if (!batch.length) return html`<${Empty} />`;
  const isPending = batch.some((item) => item.outcome?.isPending);
  const keyed = (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.repeat) workspace.sendBatch();
  };
  return html`<section class="view" aria-label="Batch" onKeyDown=${keyed}>
    <div class="view-head"><h1>Batch</h1>
      <button class="button primary" disabled=${isPending} onClick=${() => workspace.sendBatch()}>
        Send ${batch.length} as one</button>
      <button class="button" onClick=${() => workspace.removeFromBatch()}>Clear</button>
    </div>
    <ol class="cards">${batch.map((item) => html`<${Item} key=${item.id} item=${item} workspace=${workspace} />`)}</ol>
  </section>`;
}

function Item({item, workspace}) {
  const {method, text, notification, outcome} = item;
  return html`<li class="card">
    <div class="card-head">
      <a class="method-name" href=${addressOf('method', method)}>${method}</a>
      ${notification && html`<span class="badge">notification</span>`}
      ${outcome && !outcome.isPending && html`<${Measures} outcome=${outcome} />`}
      <button class="button small" aria-label="Remove: ${method}"
        onClick=${() => workspace.removeFromBatch(item.id)}>Remove</button>
    </div>
    <code class="card-text">${text.trim() || 'no parameters'}</code>
    ${outcome && html`<div class="card-answer" role="status"><${Outcome} outcome=${outcome} /></div>`}
  </li>`;
}

function Empty() {
  return html`<section class="notice"><h1>No batch yet</h1>
    <p>A batch is several calls in one message; the server runs them together, and answers all at once.
      Open a <a href=${addressOf('')}>method</a>, fill in its parameters and press “Add to batch”.</p></section>`;
}
