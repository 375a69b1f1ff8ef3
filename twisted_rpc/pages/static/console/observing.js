/** The views of what the daemon does: charts and connections, for those who may see them. */

import {Charts} from './charts.js';
import {Connections} from './connections.js';
import {html} from './html.js';
import {methodOf} from './openrpc.js';
import {useCallback} from './vendor/hooks.js';

/** Which of these views the visitor may open. */
export function admissionOf(session) {
  return {
    charts: Boolean(session.document && session.settings?.metrics),
    connections: Boolean(methodOf(session.document, 'admin.connections')),
  };
}

/**
 * Charts of /metrics.
 *
 * @param {{session: object}} props
 */
export function ChartsView({session}) {
  const load = useCallback(() => session.metrics(), [session]);
  if (!admissionOf(session).charts) return html`<${Absent} what="The metrics" />`;
  return html`<section class="view" aria-label="Charts"><div class="view-head"><h1>Charts</h1></div>
    <${Charts} load=${load} /></section>`;
}

/**
 * Who is connected.
 *
 * @param {{session: object}} props
 */
export function ConnectionsView({session}) {
  if (!admissionOf(session).connections) return html`<${Absent} what="The list of connections" />`;
  return html`<section class="view" aria-label="Connections"><div class="view-head"><h1>Connections</h1></div>
    <${Connections} client=${session.client('websocket')} /></section>`;
}

function Absent({what}) {
  return html`<section class="notice"><h1>Not here</h1><p>${what} are not shown at this address, or not to you.</p></section>`;
}
