/** Asks who somebody is, in a dialogue. */

import {html} from './html.js';
import {useEffect, useRef, useState} from './vendor/hooks.js';

const WORDS = {password: 'Name and password', token: 'Token'};

/**
 * The dialogue to log in.
 *
 * @param {{session: object, onDone: () => void, onClose: () => void}} props
 */
export function Login({session, onDone, onClose}) {
  const kinds = ['password', 'token'].filter((kind) => session.settings.kinds.includes(kind));
  const [kind, setKind] = useState(kinds[0]);
  const [problem, setProblem] = useState('');
  const [isWaiting, setWaiting] = useState(false);
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);

  const closed = () => {
    if (isWaiting) session.logOut();
    onClose();
  };
  const submit = async (event) => {
    event.preventDefault();
    const {user, password, token} = Object.fromEntries(new FormData(event.target));
    setWaiting(true);
    const why = await session.logIn(kind === 'token' ? {token: token.trim()} : {user, password});
    setWaiting(false);
    if (why) setProblem(why);
    else onDone();
  };
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="login-title" onClose=${closed}>
    <form onSubmit=${submit}>
      <h2 id="login-title">Log in</h2>
      ${kinds.length > 1 && html`<fieldset class="kinds"><legend class="sr-only">How</legend>${kinds.map((each) => html`
        <label key=${each}><input type="radio" name="kind" checked=${each === kind} onChange=${() => setKind(each)} />
          ${WORDS[each]}</label>`)}</fieldset>`}
      ${kind === 'token' ? html`<${Field} name="token" label="Token" type="password" />` : html`
        <${Field} name="user" label="Name" type="text" />
        <${Field} name="password" label="Password" type="password" />`}
      <p class="muted">It stays in this page's memory: a reload forgets it.</p>
      ${problem && html`<p class="failure-line" role="alert">${problem}</p>`}
      <div class="dialog-end">
        <button type="button" class="button" onClick=${() => dialog.current.close()}>Cancel</button>
        <button class="button primary" disabled=${isWaiting}>${isWaiting ? 'Asking…' : 'Log in'}</button>
      </div>
    </form>
  </dialog>`;
}

function Field({name, label, type}) {
  return html`<label><span>${label}</span>
    <input name=${name} type=${type} required autocomplete="off" spellcheck=${false} /></label>`;
}
