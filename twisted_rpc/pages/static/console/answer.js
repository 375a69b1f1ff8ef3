/** What a call came to: the result, or an error in words. */

import {html} from './html.js';
import {JSONView} from './json.js';
import {faultOf, meaningOf, sizeText, timeText} from './outcomes.js';

/**
 * How a call ended.
 *
 * @param {{outcome: object|undefined}} props of `Workspace.outcomeOf`
 */
export function Answer({outcome}) {
  return html`<section class="panel answer" aria-label="Answer">
    <div class="panel-head"><h2>Answer</h2>${outcome && !outcome.isPending && html`<${Measures} outcome=${outcome} />`}</div>
    <div role="status" aria-live="polite"><${Body} outcome=${outcome} /></div>
  </section>`;
}

function Body({outcome}) {
  if (!outcome) return html`<p class="empty">What the method answers comes here.${' '}
    <span class="needs-keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd> sends.</span></p>`;
  if (outcome.isPending) {
    return html`<p class="waiting">Waiting for the answer… <button class="button small" onClick=${outcome.cancel}>Cancel</button></p>`;
  }
  return html`<${Outcome} outcome=${outcome} />`;
}

/** A result or an error, without its frame. */
export function Outcome({outcome}) {
  if (outcome.isPending) return html`<p class="waiting">Waiting…</p>`;
  if (!outcome.ok) return html`<${Failure} error=${outcome.error} />`;
  if (outcome.notification) return html`<p class="sent">Sent. A notification is not answered.</p>`;
  return html`<${JSONView} value=${outcome.result ?? null} />`;
}

function Failure({error}) {
  const fault = faultOf(error);
  const meaning = meaningOf(error);
  return html`<div class="failure">
    <p class="failure-head">
      ${error.code !== undefined && html`<code class="code-number">${error.code}</code>`}
      <strong>${error.code === undefined ? wordsOf(error.name) : error.message}</strong>
    </p>
    ${meaning && html`<p>${meaning}</p>`}
    ${fault && html`<p class="fault">
      ${fault.parameter && html`<code class="fault-name">${fault.parameter}</code>`} <span>${fault.reason}</span></p>`}
    ${error.data !== undefined && (!fault || !fault.reason) && html`<h3>Data</h3><${JSONView} value=${error.data} />`}
  </div>`;
}

/** The kinds of failure that come without an answer. */
function wordsOf(name) {
  return {
    CallTimeout: 'No answer in time',
    ConnectionLost: 'The connection was lost',
    AuthenticationFailed: 'The server does not take the credentials',
    ProtocolError: 'The server sent something that is no JSON-RPC',
  }[name] ?? 'The call was not sent';
}

/** Time and size of an answer. */
export function Measures({outcome}) {
  const kind = outcome.ok ? 'ok' : 'error';
  return html`<p class="measures">
    <span class="verdict" data-kind=${kind}>${kind === 'ok' ? 'OK' : 'Error'}</span>
    <span>${timeText(outcome.ms)}</span>
    ${outcome.bytes > 0 && html`<span>${sizeText(outcome.bytes)}</span>`}
  </p>`;
}
