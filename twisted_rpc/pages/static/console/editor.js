/**
 * A text field for JSON.
 *
 * @module
 */

import {Coloured} from './colours.js';
import {parse, stringify} from './exact.js';
import {html} from './html.js';
import {useName} from './ids.js';
import {useRef} from './vendor/hooks.js';

/** Longer texts stand there in one colour: each key would wait for all of them. */
const MOST = 50_000;

/**
 * What is wrong with a text.
 *
 * @param {string} text
 * @returns {import('./exact.js').JSONError | undefined} undefined for JSON, and for nothing at all
 */
function faultIn(text) {
  if (text.trim() === '') return undefined;
  try {
    parse(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

/**
 * An editor of JSON: its text in colours, and what is wrong with it in words. Tab leaves it as any other field.
 *
 * @param {object} props
 * @param {string} props.text
 * @param {(text: string) => void} props.onChange
 * @param {string} props.label
 * @param {string} [props.error] what is wrong beside its syntax
 */
export function JSONEditor({text, onChange, label, error}) {
  const id = useName();
  const behind = useRef();
  const field = useRef();
  const fault = faultIn(text);
  const words = fault?.message ?? error;
  const follow = ({target}) => {
    behind.current.scrollTop = target.scrollTop;
    behind.current.scrollLeft = target.scrollLeft;
  };
  const show = () => {
    field.current.focus();
    field.current.setSelectionRange(fault.offset, fault.offset + 1);
  };
  return html`
    <div class="part json-editor">
      <div class="part-head">
        <label for=${id}>${label}</label>
        <button type="button" disabled=${fault !== undefined || text.trim() === ''}
          onClick=${() => onChange(stringify(parse(text), 2))}>Format</button>
      </div>
      <div class="json-editor-text">
        <pre ref=${behind} aria-hidden="true">${text.length > MOST ? text : html`<${Coloured} text=${text} />`}${'\n'}</pre>
        <textarea id=${id} ref=${field} spellcheck=${false} autocomplete="off" autocapitalize="off" wrap="off"
          rows=${Math.max(6, Math.min(24, text.split('\n').length))} value=${text}
          aria-invalid=${words === undefined ? undefined : 'true'} aria-describedby=${words === undefined ? undefined : `${id}-fault`}
          onInput=${(event) => onChange(event.target.value)} onScroll=${follow}></textarea>
      </div>
      ${words !== undefined && html`
        <p class="field-fault" role="alert" id=${`${id}-fault`}>
          ${words} ${fault !== undefined && html`<button type="button" onClick=${show}>Show</button>`}
        </p>
      `}
    </div>
  `;
}
