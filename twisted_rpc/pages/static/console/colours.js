/**
 * JSON in colours: its tokens, each an element of a class.
 *
 * @module
 */

import {html} from './html.js';

const TOKEN = /"(?:[^"\\\n]|\\.)*"?(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b|[{}[\],:]|[^\s"{}[\],:]+/g;

function classOf(token, colon) {
  if (token.startsWith('"')) return colon === undefined ? 'json-text' : 'json-name';
  if (/^-?\d/.test(token)) return 'json-number';
  if (/^(?:true|false|null)$/.test(token)) return 'json-word';
  return /^[{}[\],:]$/.test(token) ? 'json-mark' : 'json-wrong';
}

/**
 * The tokens of a text, whether it is JSON or not yet.
 *
 * @param {string} text
 * @returns {[text: string, kind: string | undefined][]} all of the text, in order; without a kind it is space
 */
export function tokensOf(text) {
  const tokens = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, colon] = match;
    const token = colon === undefined ? whole : whole.slice(0, -colon.length);
    if (match.index > end) tokens.push([text.slice(end, match.index), undefined]);
    tokens.push([token, classOf(token, colon)]);
    if (colon !== undefined) tokens.push([colon, 'json-mark']);
    end = match.index + whole.length;
  }
  if (end < text.length) tokens.push([text.slice(end), undefined]);
  return tokens;
}

/** A text with its tokens in colours. */
export function Coloured({text}) {
  return tokensOf(text).map(([token, kind]) => (kind === undefined ? token : html`<span class=${kind}>${token}</span>`));
}
