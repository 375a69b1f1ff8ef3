/** What was sent in this tab: to look at, to send again, to copy. */

import {html} from './html.js';
import {clockText, timeText} from './outcomes.js';
import {addressOf, open} from './routes.js';
import {Snippets} from './snippets.js';
import {useState} from './vendor/hooks.js';
import {paramsOf} from './workspace.js';

/**
 * The history.
 *
 * @param {{session: object, workspace: object}} props
 */
export function HistoryView({session, workspace}) {
  const {items} = workspace.history;
  const [copied, setCopied] = useState(undefined);
  if (!items.length) return html`<${Empty} />`;
  return html`<section class="view" aria-label="History">
    <div class="view-head"><h1>History</h1>
      <p class="muted">Kept until you log out or close this tab, without answers and secrets.</p>
      <button class="button" onClick=${() => workspace.clearHistory()}>Clear</button>
    </div>
    <ol class="cards" reversed>${items.map((item) => html`<${Item} key=${item.id} item=${item} session=${session}
      workspace=${workspace} isCopied=${copied === item.id}
      onCopy=${() => setCopied(copied === item.id ? undefined : item.id)} />`)}</ol>
  </section>`;
}

function Item({item, session, workspace, isCopied, onCopy}) {
  const {method, text, transport, notification, ok} = item;
  const load = () => {
    workspace.setDraft(method, text);
    workspace.choose({transport, notification});
    open('method', method);
  };
  const again = () => {
    load();
    workspace.send({method, text, transport, notification});
  };
  return html`<li class="card">
    <div class="card-head">
      <span class="verdict" data-kind=${ok ? 'ok' : 'error'}>${ok ? 'OK' : item.code ?? 'Error'}</span>
      <a class="method-name" href=${addressOf('method', method)}>${method}</a>
      <span class="muted">${aboutOf(item)}</span>
      ${!item.hidden && html`<span class="card-buttons">
        <button class="button small" aria-label="Send again: ${method}" onClick=${again}>Send again</button>
        <button class="button small" aria-label="Edit: ${method}" onClick=${load}>Edit</button>
        <button class="button small" aria-label="Copy as… ${method}" aria-expanded=${isCopied} onClick=${onCopy}>Copy as…</button>
      </span>`}
    </div>
    <code class="card-text">${item.hidden ? 'not kept: there may be a secret in it' : text.trim() || 'no parameters'}</code>
    ${!ok && html`<p class="failure-line">${item.message}</p>`}
    ${isCopied && html`<${Snippets} request=${session.fullRequest({...item, params: paramsOf(text)})} />`}
  </li>`;
}

function aboutOf({at, ms, transport, notification}) {
  const way = transport === 'http' ? 'HTTP' : 'WebSocket';
  return [clockText(at).slice(0, 8), timeText(ms), way, notification && 'notification'].filter(Boolean).join(' · ');
}

function Empty() {
  return html`<section class="notice"><h1>Nothing was sent yet</h1>
    <p>What you call is listed here until you close the tab. Begin with a <a href=${addressOf('')}>method</a>.</p></section>`;
}
