/** All methods by their namespaces, with a search; keys move in it as in a list. */

import {html} from './html.js';
import {groupsOf} from './openrpc.js';
import {addressOf, open} from './routes.js';
import {useLayoutEffect, useMemo, useRef, useState} from './vendor/hooks.js';

const isTyping = ({target}) => target.matches('input, textarea, select, [contenteditable]');

/**
 * The methods.
 *
 * @param {{document: object, route: {name: string|undefined}}} props
 */
export function MethodTree({document: methods, route}) {
  const [query, setQuery] = useState('');
  const search = useRef(null);
  const list = useRef(null);
  const groups = useMemo(() => groupsOf(methods, query), [methods, query]);
  const found = groups.reduce((sum, group) => sum + group.methods.length, 0);
  useSlash(search);

  const links = () => [...list.current.querySelectorAll('a')];
  const move = (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const all = links();
    const next = all.indexOf(window.document.activeElement) + step;
    if (next < 0) search.current.focus();
    else all[Math.min(next, all.length - 1)]?.focus();
  };
  const enter = (event) => {
    if (event.key === 'Enter' && query) (links()[0] ?? {click: () => open('method', query.trim())}).click();
    else if (event.key === 'Escape') setQuery('');
    else move(event);
  };
  const isHome = route.view === '' && route.name === undefined;
  return html`<aside class="methods" data-home=${isHome} aria-label="Methods">
    <div class="search">
      <input ref=${search} type="search" placeholder="Search methods" aria-label="Search methods"
        aria-keyshortcuts="/" autocomplete="off" spellcheck=${false} value=${query}
        onInput=${(event) => setQuery(event.target.value)} onKeyDown=${enter} />
      <kbd aria-hidden="true">/</kbd>
    </div>
    <p class="sr-only" role="status">${query && `${found} found`}</p>
    <nav ref=${list} aria-label="Methods by namespace" onKeyDown=${move}>
      ${groups.map((group) => html`<${Group} key=${group.name} group=${group} current=${route.name} />`)}
      ${found === 0 && html`<${Nothing} query=${query.trim()} />`}
    </nav>
  </aside>`;
}

function Group({group, current}) {
  return html`<section class="group">
    ${group.name && html`<h2 title=${group.summary || undefined}>${group.name}</h2>`}
    <ul>${group.methods.map((method) => html`<li key=${method.name}>
      <${Entry} method=${method} group=${group.name} isOpen=${method.name === current} /></li>`)}</ul>
  </section>`;
}

function Entry({method, group, isOpen}) {
  const {name, summary = '', deprecated = false} = method;
  const prefix = `${group}.`;
  const short = group && name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const label = [name, deprecated && 'deprecated', summary].filter(Boolean).join(' ');
  return html`<a href=${addressOf('method', name)} aria-current=${isOpen ? 'true' : undefined} aria-label=${label}
      class=${deprecated ? 'is-deprecated' : ''}>
    <span class="entry-name">${short}</span>
    ${deprecated && html` <span class="badge">deprecated</span>`}
    ${summary && html` <span class="entry-summary">${summary}</span>`}
  </a>`;
}

function Nothing({query}) {
  if (!query) return html`<p class="empty">No method is exposed yet.</p>`;
  return html`<p class="empty">Nothing is called like this.<br />
    <a href=${addressOf('method', query)}>Call “${query}” all the same</a></p>`;
}

/** The key / leads to the search, unless somebody types. */
function useSlash(search) {
  useLayoutEffect(() => { // as soon as it is drawn: a key may be pressed at once
    const focus = (event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping(event)) return;
      event.preventDefault();
      search.current?.focus();
      search.current?.select();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, [search]);
}
