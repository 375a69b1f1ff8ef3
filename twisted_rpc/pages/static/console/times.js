/**
 * Controls for dates and times, as browsers have them. Values are those of RFC 3339.
 *
 * @module
 */

import {FORMATS, formatOf} from './formats.js';
import {html} from './html.js';

const INPUTS = {'date': 'date', 'time': 'time', 'date-time': 'datetime-local'};
const PARTS = /^(?:(\d{4}-\d\d-\d\d)(?:[Tt ](?=\d)|$))?(?:(\d\d:\d\d)(:\d\d)?(\.\d{1,3})?)?([Zz]|[+-]\d\d:?\d\d)?$/;

/**
 * Whether a browser's control shows a value; one with microseconds it would cut.
 *
 * @param {object} schema resolved, of text
 * @param {unknown} value
 * @returns {boolean}
 */
export function isShownAsTime(schema, value) {
  const format = formatOf(schema);
  if (!Object.hasOwn(INPUTS, format)) return false;
  if (value === undefined || value === '') return true;
  return typeof value === 'string' && FORMATS[format].test(value) && PARTS.test(value);
}

/** A date, a time of day, or both; a time has an offset from UTC beside it. */
export function TimeField({value, onChange, schema, attributes}) {
  const format = formatOf(schema);
  const {shown, zone} = partsOf(format, value ?? '');
  const put = (typed, offset) => onChange(typed === '' ? undefined : valueOf(format, typed, offset));
  return html`
    <span class="field-time">
      <input type=${INPUTS[format]} ...${attributes} step=${format === 'date' ? undefined : 'any'} value=${shown}
        onInput=${(event) => put(event.target.value, zone)} />
      ${format !== 'date' && html`
        <select class="field-zone" aria-label="offset from UTC" value=${zone} disabled=${shown === ''}
          onChange=${(event) => put(shown, event.target.value)}>
          ${zonesWith(zone).map((one) => html`<option value=${one}>${one === 'Z' ? 'UTC' : one || 'none'}</option>`)}
        </select>
      `}
    </span>
  `;
}

/** A value as its control has it: the shortest way of writing it, and its offset. */
function partsOf(format, value) {
  if (value === '') return {shown: '', zone: 'Z'};
  const [, date, minutes, seconds = ':00', fraction = '', zone = ''] = PARTS.exec(value);
  const rest = fraction.replace(/\.?0+$/, '');
  const time = minutes === undefined ? '' : minutes + (seconds === ':00' && rest === '' ? '' : seconds + rest);
  return {shown: {'date': date, 'time': time, 'date-time': `${date}T${time}`}[format], zone: zone.toUpperCase()};
}

function valueOf(format, typed, zone) {
  if (format === 'date') return typed;
  const time = /(?:^|T)\d\d:\d\d$/.test(typed) ? `${typed}:00` : typed;
  return time + zone;
}

const ZONES = ['Z', ...Array.from({length: 27}, (_, index) => {
  const hours = index - 12;
  return `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`;
}), ''];

function zonesWith(zone) {
  return ZONES.includes(zone) ? ZONES : [zone, ...ZONES];
}
