/** Light or dark: as the system has it, until somebody chooses. */

import {html} from './html.js';
import {useEffect, useState} from './vendor/hooks.js';

const KEY = 'twisted-rpc.theme';
const NEXT = {system: 'light', light: 'dark', dark: 'system'};
const WORDS = {system: 'as the system has it', light: 'light', dark: 'dark'};
const SIGNS = {system: '◐', light: '☀', dark: '☾'};

function remembered() {
  try {
    const theme = localStorage.getItem(KEY);
    return theme in NEXT ? theme : 'system';
  } catch {
    return 'system'; // a browser may refuse to keep anything
  }
}

/**
 * The theme of the page, which is kept for the next visit.
 *
 * @returns {{theme: 'system'|'light'|'dark', turn: () => void}} the theme, and what takes the next one
 */
export function useTheme() {
  const [theme, setTheme] = useState(remembered);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Then it holds for this visit.
    }
  }, [theme]);
  return {theme, turn: () => setTheme(NEXT[theme])};
}

/** A button that turns the theme. */
export function ThemeSwitch({theme, turn}) {
  const label = `Theme: ${WORDS[theme]}`;
  return html`<button class="icon-button" aria-label=${label} title=${label} onClick=${turn}>
    <span aria-hidden="true">${SIGNS[theme]}</span>
  </button>`;
}
