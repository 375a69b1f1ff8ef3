/** The parameters of a call, as a form and as JSON, and what sends them. */

import {JSONEditor} from './editor.js';
import {MethodForm} from './form.js';
import {html} from './html.js';
import {examplesOf} from './openrpc.js';
import {stringify} from './exact.js';
import {useRef} from './vendor/hooks.js';
import {faultOfText, paramsOf} from './workspace.js';

/**
 * What is sent, and how.
 *
 * @param {{session: object, workspace: object, method: object}} props
 */
export function Request({session, workspace, method}) {
  const text = workspace.draftOf(method);
  const fault = faultOfText(text);
  const write = (draft) => workspace.setDraft(method.name, draft);
  const send = () => fault || workspace.send({method: method.name, text});
  const keyed = (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!event.repeat) send(); // a key that is held down is pressed once
  };
  const hasForm = !method.isUnknown && !session.document.bare;
  return html`<section class="request" aria-label="Request" onKeyDown=${keyed}>
    <${ExampleChips} method=${method} document=${session.document} onLoad=${write} />
    <div class="parameters" data-form=${hasForm}>
      ${hasForm && html`<div class="panel"><h2>Parameters</h2>
        <${Form} method=${method} document=${session.document} text=${text} fault=${fault} onText=${write} /></div>`}
      <div class="panel"><${JSONEditor} label="Parameters as JSON" text=${text} error=${fault || undefined}
        onChange=${write} /></div>
    </div>
    <${Actions} workspace=${workspace} method=${method} text=${text} fault=${fault} onSend=${send} />
  </section>`;
}

function ExampleChips({method, document, onLoad}) {
  const examples = examplesOf(method, document);
  if (!examples.length) return null;
  return html`<p class="chips"><span class="muted">Fill in:</span>${examples.slice(0, 4).map((example) => html`
    <button class="chip" key=${example.name} onClick=${() => onLoad(stringify(example.params, 2))}>${example.name}</button>`)}</p>`;
}

/** The form shows the last text that could be read, and waits while the one beside cannot. */
function Form({method, document, text, fault, onText}) {
  const last = useRef(undefined);
  if (!fault) last.current = paramsOf(text);
  if (!method.params?.length && last.current === undefined) return html`<p class="empty">It takes none.</p>`;
  const change = (value) => onText(value === undefined ? '' : stringify(value, 2));
  return html`<fieldset class="form" disabled=${Boolean(fault)}>
    <legend class="sr-only">Parameters of ${method.name}</legend>
    <${MethodForm} method=${method} document=${document} value=${last.current} onChange=${change} />
  </fieldset>`;
}

function Actions({workspace, method, text, fault, onSend}) {
  const {transport, notification} = workspace;
  return html`<div class="actions">
    <button class="button primary send" disabled=${Boolean(fault)} aria-keyshortcuts="Control+Enter" onClick=${onSend}>
      ${notification ? 'Notify' : 'Send'}<kbd aria-hidden="true">Ctrl ↵</kbd></button>
    <label class="choice"><span>over</span> <select value=${transport} onChange=${(event) => workspace.choose({transport: event.target.value})}>
      <option value="websocket">WebSocket</option><option value="http">HTTP</option></select></label>
    <label class="choice"><input type="checkbox" checked=${notification}
      onChange=${(event) => workspace.choose({notification: event.target.checked})} /> without an answer</label>
    <button class="button" disabled=${Boolean(fault)} onClick=${() => workspace.addToBatch(method.name, text)}>Add to batch</button>
  </div>`;
}
