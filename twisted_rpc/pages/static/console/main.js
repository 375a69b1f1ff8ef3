/** Starts the console. */

import {Console} from './console.js';
import {html} from './html.js';
import {Session} from './session.js';
import {useTheme} from './theme.js';
import {render} from './vendor/preact.js';

const root = document.getElementById('console');
const session = new Session(new URL('.', import.meta.url));

function Page() {
  const theme = useTheme();
  return html`<${Console} session=${session} theme=${theme} />`;
}

root.replaceChildren();
render(html`<${Page} />`, root);
session.start();
