/**
 * A button that copies a text.
 *
 * @module
 */

import {html} from './html.js';
import {useEffect, useState} from './vendor/hooks.js';

/**
 * Put a text into the clipboard.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it is there
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // no secure context, or not allowed
  }
}

/** The way of copying where there is no clipboard API. */
function copyBySelection(text) {
  const before = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden-text';
  document.body.append(area);
  area.select();
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    area.remove();
    before?.focus();
  }
}

const SHOWN = 2000;

/**
 * A button that copies, and says whether it has.
 *
 * @param {object} props
 * @param {() => string} props.text made when it is asked for
 * @param {string} props.label what is copied, for screen readers
 */
export function CopyButton({text, label}) {
  const [outcome, setOutcome] = useState();
  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN);
    return () => clearTimeout(timer);
  }, [outcome]);
  const press = async () => setOutcome((await copy(text())) ? 'copied' : 'not copied: the browser does not allow it');
  return html`
    <span class="copy">
      <button type="button" aria-label=${`Copy ${label}`} onClick=${press}>Copy</button>
      <span role="status">${outcome}</span>
    </span>
  `;
}
