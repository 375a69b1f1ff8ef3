/** The view of methods: a welcome, or one method to read about and to call. */

import {Answer} from './answer.js';
import {Documentation} from './documentation.js';
import {html} from './html.js';
import {firstToTry, methodOf} from './openrpc.js';
import {Request} from './request.js';
import {addressOf} from './routes.js';
import {Snippets} from './snippets.js';
import {useEffect, useRef} from './vendor/hooks.js';
import {faultOfText, paramsOf} from './workspace.js';

/**
 * A method, or a welcome without one.
 *
 * @param {{session: object, workspace: object, name: string|undefined}} props
 */
export function Calls({session, workspace, name}) {
  if (name === undefined) return html`<${Welcome} document=${session.document} />`;
  const known = methodOf(session.document, name);
  // A server need not tell of all its methods, nor of any.
  const method = known ?? {name, params: [], isUnknown: true};
  return html`<${Call} key=${name} session=${session} workspace=${workspace} method=${method} />`;
}

function Call({session, workspace, method}) {
  const heading = useRef(null);
  useEffect(() => heading.current.focus({preventScroll: true}), []);
  const outcome = workspace.outcomeOf(method.name);
  const answer = useRef(null);
  // On a narrow window it would come where nobody looks.
  useEffect(() => outcome && answer.current.scrollIntoView({block: 'nearest'}), [outcome]);
  return html`<article class="call">
    <div class="call-work">
      <a class="back" href=${addressOf('')}>All methods</a>
      <h1 ref=${heading} tabindex="-1" class="method-name">${method.name}</h1>
      <${Summary} method=${method} isBare=${session.document.bare} />
      <${Request} session=${session} workspace=${workspace} method=${method} />
    </div>
    <div class="call-answer">
      <div ref=${answer}><${Answer} outcome=${outcome} /></div>
      <${CopyAs} session=${session} workspace=${workspace} method=${method} />
    </div>
    <div class="call-documentation">
      <${Documentation} method=${method} document=${session.document}
        onLoad=${(text) => workspace.setDraft(method.name, text)} />
    </div>
  </article>`;
}

function Summary({method, isBare}) {
  if (method.isUnknown) {
    return html`<p class="summary muted">The server does not tell of a method of this name, or you may not
      call it. You can try it all the same.</p>`;
  }
  return html`
    ${method.deprecated && html`<p class="deprecation"><strong>Deprecated.</strong> ${method['x-deprecated']}</p>`}
    ${method.summary && html`<p class="summary">${method.summary}</p>`}
    ${isBare && html`<p class="summary muted">The server tells names alone: write the parameters as JSON.</p>`}`;
}

function CopyAs({session, workspace, method}) {
  const text = workspace.draftOf(method);
  if (faultOfText(text)) return null;
  const {transport, notification} = workspace;
  const request = {method: method.name, params: paramsOf(text), transport, notification};
  return html`<section class="panel" aria-label="Copy as">
    <h2>Copy as</h2><${Snippets} request=${session.fullRequest(request)} /></section>`;
}

function Welcome({document}) {
  const {title = 'This server', description} = document.info;
  const count = document.methods.length;
  const first = firstToTry(document);
  if (!first) return html`<${Nothing} />`;
  return html`<section class="welcome">
    <p class="eyebrow">${count} ${count === 1 ? 'method' : 'methods'}, ready to call</p>
    <h1>${title}</h1>
    ${description && html`<p class="summary">${description}</p>`}
    <div class="first">
      <h2>Begin here</h2>
      <p class="method-name">${first.name}</p>
      ${first.summary && html`<p>${first.summary}</p>`}
      <a class="button primary" href=${addressOf('method', first.name)}>Try ${first.name}</a>
    </div>
    <ul class="hints">
      <li class="needs-keys"><kbd>/</kbd> searches the methods, <kbd>↓</kbd> <kbd>↑</kbd> move, <kbd>Enter</kbd> opens</li>
      <li class="needs-keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd> sends</li>
      <li>What the server sends by itself is under <a href=${addressOf('live')}>Live</a></li>
    </ul>
  </section>`;
}

function Nothing() {
  return html`<section class="notice">
    <h1>Nothing is exposed yet</h1>
    <p>A server answers calls of what it exposes. In its configuration:</p>
    <pre class="code">[expose]
calc = "examples.calculator:Calculator"</pre>
    <p>or in Python, <code>server.expose("calc", Calculator())</code>. Then load this page again.</p>
  </section>`;
}
