/**
 * A call as one types it elsewhere: in a shell, in Python, in JavaScript.
 *
 * @module
 */

import {CopyButton} from './copying.js';
import {Exact, isObject, stringify} from './exact.js';
import {html} from './html.js';
import {useName} from './ids.js';
import {useState} from './vendor/hooks.js';

/**
 * A request, and how it is sent. Credentials are not part of it: a snippet says where they come from.
 *
 * @typedef {object} Request
 * @property {string} method its name
 * @property {object | unknown[]} [params] by name or by position
 * @property {number | string} [id] 1 without it
 * @property {boolean} [isNotification] whether nobody answers
 * @property {'http' | 'websocket'} transport
 * @property {string} url of RPC: `http:`, `https:`, `ws:` or `wss:`
 * @property {'none' | 'basic' | 'token'} [auth] what the server asks for
 */

const USER = 'TWISTED_RPC_USER';
const PASSWORD = 'TWISTED_RPC_PASSWORD';
const TOKEN = 'TWISTED_RPC_TOKEN';

/** What `curl -H @-` reads: no secret stands in a command line, where every user of the machine sees it. */
const PRINTED = {
  basic: `printf 'Authorization: Basic %s' "$(printf %s "$${USER}:$${PASSWORD}" | base64 | tr -d '\\n')" |\n  `,
  token: `printf 'Authorization: Bearer %s' "$${TOKEN}" |\n  `,
};

/**
 * For a shell, with `curl`.
 *
 * @param {Request} request
 * @returns {string}
 */
export function asCurl(request) {
  const secret = PRINTED[request.auth];
  const parts = [
    'curl -sS',
    ...(secret === undefined ? [] : ['-H @-']),
    "-H 'Content-Type: application/json'",
    `--data-raw ${quoted(stringify(message(request)))}`,
    quoted(withScheme(request.url, 'http')),
  ];
  return (secret ?? '') + parts.join(' ');
}

/**
 * For a shell, with `twisted-rpc`.
 *
 * @param {Request} request
 * @returns {string}
 */
export function asCommand(request) {
  const parameters = parametersOf(request.params);
  const words = [target(request), request.method, ...(parameters ?? ['-'])];
  // What begins with a dash and is no option stands after two of them.
  const dashes = words.slice(1).some((word) => word.startsWith('-') && word !== '-') ? ['--'] : [];
  const command = ['twisted-rpc', request.isNotification ? 'notify' : 'call', ...dashes, ...words.map(quoted)].join(' ');
  const piped = parameters === undefined ? `printf %s ${quoted(stringify(request.params))} |\n  ` : '';
  return surroundings(request.auth, '# ') + piped + command;
}

/**
 * For Python, with `twisted_rpc.blocking`.
 *
 * @param {Request} request
 * @returns {string}
 */
export function asPython(request) {
  const {method, params, auth, isNotification} = request;
  const literal = params === undefined ? undefined : pythonOf(params);
  const call = `rpc.${isNotification ? 'notify' : 'call'}(${listOf(JSON.stringify(method), literal)})`;
  const credentials = {
    basic: `user=os.environ["${USER}"], password=os.environ["${PASSWORD}"]`,
    token: `token=os.environ["${TOKEN}"]`,
  }[auth];
  const lines = [
    ...(credentials === undefined ? [] : ['import os', '']),
    ...(literal?.includes('Raw(b"') ? ['from msgspec import Raw'] : []),
    'from twisted_rpc import blocking',
    '',
    `with blocking.connect(${listOf(JSON.stringify(target(request)), credentials)}) as rpc:`,
    `    ${isNotification ? call : `print(${call})`}`,
  ];
  return lines.join('\n');
}

/**
 * For JavaScript, with the client that the daemon serves.
 *
 * @param {Request} request
 * @returns {string}
 */
export function asJavaScript(request) {
  const {method, params, auth, isNotification} = request;
  const credentials = {
    basic: `{auth: {user: process.env.${USER}, password: process.env.${PASSWORD}}}`,
    token: `{auth: {token: process.env.${TOKEN}}}`,
  }[auth];
  const literal = params === undefined ? undefined : javaScriptOf(params);
  const call = `client.${isNotification ? 'notify' : 'call'}(${listOf(JSON.stringify(method), literal)})`;
  return [
    'import {connect} from "/client.js";',
    '',
    `const client = connect(${listOf(JSON.stringify(target(request)), credentials)});`,
    isNotification ? `${call};` : `console.log(await ${call});`,
    'client.close();',
  ].join('\n');
}

function message({method, params, id = 1, isNotification}) {
  return {jsonrpc: '2.0', method, params, id: isNotification ? undefined : id};
}

function target({url, transport}) {
  return withScheme(url, transport === 'websocket' ? 'ws' : 'http');
}

function withScheme(url, scheme) {
  return url.replace(/^(?:http|ws)(s?):/, `${scheme}$1:`);
}

function listOf(...parts) {
  return parts.filter((part) => part !== undefined).join(', ');
}

function surroundings(auth, comment) {
  const names = {basic: `${USER} and ${PASSWORD}`, token: TOKEN}[auth];
  return names === undefined ? '' : `${comment}needs ${names} in the environment\n`;
}

/** A word as a POSIX shell reads it. */
function quoted(word) {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The only names that a command line can give a parameter; they are the same in `cli/parameters.py`. */
const NAME = /^[\p{L}_][\p{L}\p{N}_.-]*$/u;

/** Parameters as words of a command line; undefined where they have to come from standard input. */
function parametersOf(params) {
  if (params === undefined) return [];
  if (Array.isArray(params)) return params.map(wordOf);
  const names = Object.keys(params);
  return names.every((name) => NAME.test(name)) ? names.map((name) => `${name}=${wordOf(params[name])}`) : undefined;
}

/** A value as `twisted-rpc` reads it: JSON, or text that is nothing else. */
function wordOf(value) {
  const isPlain = typeof value === 'string' && /^[A-Za-z][\w .,:/-]*$/.test(value);
  return isPlain && !['true', 'false', 'null'].includes(value) ? value : stringify(value);
}

function pythonOf(value) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  // An int has all digits, a float has not.
  if (value instanceof Exact && !/^-?\d+$/.test(value)) return `Raw(b"${value}")`;
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(', ')}]`;
  return isObject(value) ? `{${membersOf(value, JSON.stringify, pythonOf)}}` : stringify(value);
}

function javaScriptOf(value) {
  if (value instanceof Exact) return `JSON.rawJSON("${value}")`;
  if (Array.isArray(value)) return `[${value.map(javaScriptOf).join(', ')}]`;
  return isObject(value) ? `{${membersOf(value, javaScriptName, javaScriptOf)}}` : stringify(value);
}

/** `__proto__` in a literal is the prototype, in brackets it is a name as all others. */
function javaScriptName(name) {
  if (name === '__proto__') return '["__proto__"]';
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

function membersOf(value, nameOf, literalOf) {
  return Object.keys(value).map((name) => `${nameOf(name)}: ${literalOf(value[name])}`).join(', ');
}

const LANGUAGES = [
  ['curl', asCurl],
  ['twisted-rpc', asCommand],
  ['Python', asPython],
  ['JavaScript', asJavaScript],
];

/**
 * A request in one language after the other, to copy.
 *
 * @param {object} props
 * @param {Request} props.request
 */
export function Snippets({request}) {
  const [chosen, choose] = useState(0);
  const id = useName();
  const [name, write] = LANGUAGES[chosen];
  const text = write(request);
  return html`
    <div class="part snippets">
      <div class="part-head">
        <label for=${id} class="hidden-text">Language</label>
        <select id=${id} value=${chosen} onChange=${(event) => choose(Number(event.target.value))}>
          ${LANGUAGES.map(([one], index) => html`<option value=${index}>${one}</option>`)}
        </select>
        <${CopyButton} text=${() => text} label=${`the call for ${name}`} />
      </div>
      <pre tabindex="0" aria-label=${`The call for ${name}`}><code>${text}</code></pre>
    </div>
  `;
}
