/** Which view is open: it stands behind the # of the address, so that Back goes back. */

import {useLayoutEffect, useState} from './vendor/hooks.js';

/** The views by the word in the address; '' is the first one. */
export const VIEWS = ['', 'method', 'live', 'batch', 'history', 'charts', 'connections'];

/**
 * The address of a view.
 *
 * @param {string} view one of `VIEWS`
 * @param {string} [name] of a method
 * @returns {string} for `href`
 */
export function addressOf(view, name) {
  return name === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(name)}`;
}

/**
 * What an address says.
 *
 * @param {string} hash what stands behind the page's own address
 * @returns {{view: string, name: string|undefined}}
 */
export function routeOf(hash) {
  const [view = '', name] = hash.replace(/^#?\/?/, '').split('/');
  if (!VIEWS.includes(view)) return {view: '', name: undefined};
  try {
    return {view, name: name === undefined ? undefined : decodeURIComponent(name)};
  } catch {
    return {view: '', name: undefined}; // no escape that means anything
  }
}

/** The view that is open. */
export function useRoute() {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useLayoutEffect(() => { // before it is drawn, or an address might be missed
    const follow = () => setRoute(routeOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

/** Open a view. */
export function open(view, name) {
  location.hash = addressOf(view, name);
}
