/**
 * Names for elements that others refer to.
 *
 * @module
 */

import {useState} from './vendor/hooks.js';

let last = 0;

/**
 * An id that no other element has. (That of Preact's own `useId` comes again when a page is rendered anew from its root.)
 *
 * @returns {string} the same for as long as the component is there
 */
export function useName() {
  const [name] = useState(() => {
    last += 1;
    return `part-${last}`;
  });
  return name;
}
