/** What the server sends by itself, as it comes. */

import {html} from './html.js';
import {stringify} from './exact.js';
import {JSONView} from './json.js';
import {eventsOf} from './openrpc.js';
import {clockText} from './outcomes.js';
import {useEffect, useState} from './vendor/hooks.js';

/**
 * Notifications, newest first, and which ones the server declares.
 *
 * @param {{session: object}} props
 */
export function Live({session}) {
  const {received, document, state} = session;
  const [filter, setFilter] = useState('');
  useEffect(() => received.seen());
  const shown = received.items.filter((item) => fits(item, filter));
  return html`<section class="view live" aria-label="Live">
    <div class="view-head"><h1>Live</h1>
      <input type="search" class="filter" placeholder="Filter by name or text" aria-label="Filter notifications"
        value=${filter} onInput=${(event) => setFilter(event.target.value)} />
      <button class="button" aria-pressed=${received.isPaused} onClick=${() => received.pause()}>
        ${received.isPaused ? 'Go on' : 'Pause'}</button>
      <button class="button" onClick=${() => received.clear()}>Clear</button>
    </div>
    ${received.isPaused && html`<p class="muted" role="status">Paused. ${received.skipped} came since and
      ${received.skipped === 1 ? 'was' : 'were'} not kept.</p>`}
    <div class="live-columns">
      <ol class="stream" aria-label="Notifications" aria-live="off">
        ${shown.map((item) => html`<${Item} key=${item.id} item=${item} />`)}
        ${!shown.length && html`<${Nothing} state=${state} isFiltered=${received.items.length > 0} />`}
      </ol>
      <${Declared} events=${eventsOf(document)} />
    </div>
  </section>`;
}

function fits({name, params}, filter) {
  const words = filter.trim().toLowerCase();
  return !words || name.toLowerCase().includes(words) || stringify(params ?? '').toLowerCase().includes(words);
}

function Item({item}) {
  return html`<li class="event">
    <p class="event-head"><strong class="method-name">${item.name}</strong>
      ${item.isCall && html`<span class="badge" title="The console answers that it has no such method">call</span>`}
      <time datetime=${new Date(item.at).toISOString()}>${clockText(item.at)}</time></p>
    ${item.params !== undefined && html`<${JSONView} value=${item.params} />`}
  </li>`;
}

function Nothing({state, isFiltered}) {
  if (isFiltered) return html`<li class="empty">Nothing fits the filter.</li>`;
  if (state !== 'connected') return html`<li class="empty">There is no connection that anything could come over.</li>`;
  return html`<li class="empty">Nothing has come yet. The connection is open: what the server sends
    by itself appears here the moment it comes.</li>`;
}

function Declared({events: {notifications, calls}}) {
  if (!notifications.length && !calls.length) return null;
  return html`<aside class="panel declared" aria-label="Declared by the server">
    <${Names} title="The server may send" events=${notifications} />
    <${Names} title="The server may call" events=${calls} /></aside>`;
}

function Names({title, events}) {
  if (!events.length) return null;
  return html`<h2>${title}</h2>
    <ul>${events.map((event) => html`<li key=${event.name}><span class="method-name">${event.name}</span>
      ${event.summary && html`<span class="muted">${event.summary}</span>`}</li>`)}</ul>`;
}
