/** The whole page: a bar, the methods beside it, and the view that is open. */

import {Batch} from './batch.js';
import {Calls} from './calls.js';
import {ChartsView, ConnectionsView, admissionOf} from './observing.js';
import {Header} from './header.js';
import {HistoryView} from './history-view.js';
import {html} from './html.js';
import {Live} from './live.js';
import {Login} from './login.js';
import {MethodTree} from './tree.js';
import {open, useRoute} from './routes.js';
import {useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState} from './vendor/hooks.js';
import {Workspace} from './workspace.js';

/**
 * The console.
 *
 * @param {{session: object, theme: object}} props a `Session`, and what `useTheme` returns
 */
export function Console({session, theme}) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const workspace = useRef(null);
  workspace.current ??= new Workspace(session, redraw);
  const [isLoggingIn, setLoggingIn] = useState(false);
  const route = useRoute();
  const admission = admissionOf(session);
  // Before the first frame is drawn: the only answer there is may come sooner.
  useLayoutEffect(() => session.subscribe(redraw), [session]);
  useTitle(session, route);
  const {document} = session;
  // The same element is not drawn again: there may be hundreds of methods, and every key redraws the page.
  const tree = useMemo(() => document && html`<${MethodTree} document=${document} route=${route} />`, [document, route]);

  const logOut = () => {
    workspace.current.leave();
    open('');
    session.logOut();
  };
  const loggedIn = () => {
    workspace.current.forget();
    setLoggingIn(false);
  };
  const context = {session, workspace: workspace.current, route, admission};
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <${Header} ...${context} theme=${theme} onLogin=${() => setLoggingIn(true)} onLogout=${logOut} />
    <div class="body">
      ${tree}
      <main id="main" tabindex="-1"><${View} ...${context} onLogin=${() => setLoggingIn(true)} /></main>
    </div>
    ${isLoggingIn && html`<${Login} session=${session} onDone=${loggedIn} onClose=${() => setLoggingIn(false)} />`}
  `;
}

function View({session, workspace, route, onLogin}) {
  if (session.problem) return html`<${Trouble} session=${session} />`;
  if (session.needsLogin) return html`<${Closed} session=${session} onLogin=${onLogin} />`;
  if (!session.document) return html`<p class="loading" role="status">Asking the server for its methods…</p>`;
  const context = {session, workspace};
  switch (route.view) {
    case 'live': return html`<${Live} ...${context} />`;
    case 'batch': return html`<${Batch} ...${context} />`;
    case 'history': return html`<${HistoryView} ...${context} />`;
    case 'charts': return html`<${ChartsView} session=${session} />`;
    case 'connections': return html`<${ConnectionsView} session=${session} />`;
    default: return html`<${Calls} ...${context} name=${route.name} />`;
  }
}

function Trouble({session}) {
  return html`<section class="notice">
    <h1>The server cannot be reached</h1>
    <p role="alert">${session.problem}</p>
    <p><button class="button" onClick=${() => session.start()}>Try again</button></p>
  </section>`;
}

function Closed({session, onLogin}) {
  return html`<section class="notice">
    <h1>Log in to see the methods</h1>
    ${session.canLogIn
      ? html`<p>This server wants to know who calls it. What you type stays in this page's memory
          and is forgotten when you leave.</p>
        <p><button class="button primary" onClick=${onLogin}>Log in</button></p>`
      : html`<p>This server knows its callers by certificates or by the socket they come in by,
          and takes no password or token.</p>`}
  </section>`;
}

/** What the window is called: which view is open, and of which server. */
function useTitle(session, {view, name}) {
  const server = session.document?.info?.title || 'RPC console';
  const place = session.document && (name ?? {live: 'Live', batch: 'Batch', history: 'History', charts: 'Charts',
    connections: 'Connections'}[view]);
  useEffect(() => {
    document.title = place ? `${place} · ${server}` : server;
  }, [place, server]);
}

/** The address is the view's: a link within the page would leave it. */
function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

