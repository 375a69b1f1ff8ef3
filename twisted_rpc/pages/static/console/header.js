/** The bar at the top: which server this is, the views, the connection, and who one is. */

import {html} from './html.js';
import {addressOf} from './routes.js';
import {ThemeSwitch} from './theme.js';

const STATES = {
  connected: 'Connected',
  connecting: 'Connecting…',
  disconnected: 'Connection lost, trying again…',
  closed: 'Disconnected',
  '': 'Not connected',
};

/** The bar; see `Console` for what it is given. */
export function Header({session, workspace, route, admission, theme, onLogin, onLogout}) {
  const {title = 'RPC console', version} = session.document?.info ?? {};
  return html`<header class="bar">
    <a class="brand" href=${addressOf('')}>
      <img src="icon.svg" alt="" width="24" height="24" />
      <span class="brand-name">${title}</span>
      ${version && html`<span class="version">${version}</span>`}
    </a>
    ${session.document && html`<nav class="tabs" aria-label="Views">
      <${Tab} view="" route=${route}>Methods<//>
      <${Tab} view="live" route=${route} count=${session.received.unread} what="new notifications">Live<//>
      <${Tab} view="batch" route=${route} count=${workspace.batch.length} what="calls in it">Batch<//>
      <${Tab} view="history" route=${route}>History<//>
      ${admission.charts && html`<${Tab} view="charts" route=${route}>Charts<//>`}
      ${admission.connections && html`<${Tab} view="connections" route=${route}>Connections<//>`}
    </nav>`}
    <div class="bar-end">
      ${session.document && html`<${ConnectionState} state=${session.state} />`}
      <${Who} session=${session} onLogin=${onLogin} onLogout=${onLogout} />
      <${ThemeSwitch} ...${theme} />
    </div>
  </header>`;
}

function Tab({view, route, count = 0, what, children}) {
  const isOpen = route.view === view || (view === '' && route.view === 'method');
  return html`<a class="tab" href=${addressOf(view)} aria-current=${isOpen ? 'page' : undefined}>
    ${children}${count > 0 && html` <span class="count" aria-label="${count} ${what}">${count > 99 ? '99+' : count}</span>`}
  </a>`;
}

/** Whether the WebSocket is up. */
export function ConnectionState({state}) {
  const text = STATES[state] ?? state;
  return html`<span class="state" data-state=${state} role="status" title="WebSocket: ${text}">
    <span class="dot" aria-hidden="true"></span><span class="state-text">${text}</span>
  </span>`;
}

function Who({session, onLogin, onLogout}) {
  if (session.who !== null) {
    return html`<span class="who" title="Logged in: ${session.who}">${session.who}</span>
      <button class="button small" onClick=${onLogout}>Log out</button>`;
  }
  if (!session.canLogIn) return null;
  return html`<button class="button small" onClick=${onLogin}>Log in</button>`;
}
