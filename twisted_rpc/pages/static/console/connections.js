/**
 * Who is connected, for those who may ask and close.
 *
 * @module
 */

import {html} from './html.js';
import {usePolling} from './polling.js';
import {useEffect, useRef, useState} from './vendor/hooks.js';

const EVERY = 3000;

/**
 * A connection, as `admin.connections` has it.
 *
 * @typedef {object} Connection
 * @property {string} id
 * @property {string} transport
 * @property {string} peer
 * @property {string | null} identity
 * @property {string} opened ISO 8601
 * @property {number} seconds since then
 * @property {number} in_flight calls that run
 * @property {boolean} [own] whether it is the one that asked
 */

/** The columns: their titles, what they are sorted by, and what they show. */
const COLUMNS = [
  ['Transport', ({transport}) => transport],
  ['Peer', ({peer}) => peer],
  ['Identity', ({identity}) => identity ?? ''],
  ['Open for', ({seconds}) => seconds, ({opened, seconds}) => html`<time datetime=${opened} title=${opened}>${duration(seconds)}</time>`],
  ['In flight', ({in_flight: count}) => count],
];

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/**
 * The connections of a server, looked at every few seconds while the page can be seen.
 *
 * @param {object} props
 * @param {{call: (method: string, params?: object) => Promise<any>}} props.client who may call `admin.connections` and `admin.kick`
 */
export function Connections({client}) {
  const [rows, setRows] = useState();
  const [asked, ask] = useState();
  const [outcome, setOutcome] = useState();
  const list = useRef();
  const {error, resume} = usePolling(async () => setRows(await client.call('admin.connections')), EVERY);
  const close = async (row) => {
    ask(undefined);
    try {
      const wasThere = await client.call('admin.kick', {id: row.id});
      setOutcome({text: wasThere ? `${row.peer} was closed` : `${row.peer} was gone already`});
      setRows((before) => before.filter(({id}) => id !== row.id));
      list.current?.focus(); // the button that had the focus is gone
    } catch (failure) {
      setOutcome({text: `${row.peer} was not closed: ${wordsOf(failure)}`, isFailure: true});
    }
  };
  return html`
    <div class="part connections">
      ${error !== undefined && html`
        <p class="field-fault" role="alert">The list stands still: ${wordsOf(error)} <button type="button" onClick=${resume}>Go on</button></p>
      `}
      <p class=${outcome?.isFailure ? 'field-fault' : 'field-note'} role="status">${outcome?.text ?? ''}</p>
      ${rows !== undefined && html`<${Table} rows=${rows} onClose=${ask} place=${list} />`}
      ${asked !== undefined && html`<${Confirmation} row=${asked} onClose=${() => close(asked)} onKeep=${() => ask(undefined)} />`}
    </div>
  `;
}

/** An error of a call in words; the data of the server's own say more. */
function wordsOf({message, data}) {
  return typeof data === 'string' ? `${message} (${data})` : message;
}

function Table({rows, onClose, place}) {
  const [order, setOrder] = useState({column: 3, isDescending: true});
  if (rows.length === 0) return html`<p class="field-note">Nobody is connected.</p>`;
  return html`
    <div class="connections-table" ref=${place} tabindex="0" role="group" aria-label="Connections"><table>
      <thead><tr>
        ${COLUMNS.map(([title], index) => html`<${Heading} title=${title} index=${index} order=${order} setOrder=${setOrder} />`)}
        <td></td>
      </tr></thead>
      <tbody>${sorted(rows, order).map((row) => html`<${Row} key=${row.id} row=${row} onClose=${onClose} />`)}</tbody>
    </table></div>
  `;
}

function Heading({title, index, order, setOrder}) {
  const isOrder = order.column === index;
  const mark = order.isDescending ? '↓' : '↑';
  return html`
    <th scope="col" aria-sort=${isOrder ? (order.isDescending ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="connections-sort"
        onClick=${() => setOrder({column: index, isDescending: isOrder && !order.isDescending})}>
        ${title} <span aria-hidden="true">${isOrder ? mark : ''}</span>
      </button>
    </th>
  `;
}

function sorted(rows, {column, isDescending}) {
  const [, valueOf] = COLUMNS[column];
  const sign = isDescending ? -1 : 1;
  return rows.toSorted((left, right) => sign * compared(valueOf(left), valueOf(right)) || compared(left.id, right.id));
}

function compared(left, right) {
  if (typeof left === 'number') return left - right;
  return left.localeCompare(right, undefined, {numeric: true});
}

function Row({row, onClose}) {
  return html`
    <tr>
      ${COLUMNS.map(([title, valueOf, show = valueOf]) => html`
        <td>${show(row)}${title === 'Peer' && row.own && html`<span class="connections-own">this page</span>`}</td>
      `)}
      <td>${!row.own && html`<button type="button" aria-label=${`Close ${row.peer}`} onClick=${() => onClose(row)}>Close…</button>`}</td>
    </tr>
  `;
}

/** Asks before a connection is closed. Escape keeps it; the browser gives the focus back to where it was. */
function Confirmation({row, onClose, onKeep}) {
  const dialog = useRef();
  useEffect(() => dialog.current.showModal(), []);
  const calls = row.in_flight === 1 ? 'its call' : `its ${row.in_flight} calls`;
  return html`
    <dialog ref=${dialog} aria-label="Close a connection" onClose=${onKeep}>
      <p>Close the connection ${row.identity && `of ${row.identity} `}from ${row.peer}?${row.in_flight > 0 && ` This ends ${calls}.`}</p>
      <div class="part-head">
        <button type="button" onClick=${() => dialog.current.close()}>Keep</button>
        <button type="button" class="connections-close" onClick=${onClose}>Close it</button>
      </div>
    </dialog>
  `;
}
