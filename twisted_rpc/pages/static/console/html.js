/** Preact's elements, written as HTML in template strings: text in them is text, never markup. */

import htm from './vendor/htm.js';
import {h} from './vendor/preact.js';

export const html = htm.bind(h);
