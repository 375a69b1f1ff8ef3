/**
 * Texts with a form: `format` and `contentEncoding` of JSON Schema.
 *
 * @module
 */

const DATE = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?';
const ZONE = '(?:[Zz]|[+-](?:[01]\\d|2[0-3]):?[0-5]\\d)';

function whole(pattern) {
  const expression = new RegExp(`^(?:${pattern})$`);
  return (text) => expression.test(text);
}

function isDate(text) {
  if (!whole(DATE)(text)) return false;
  const [year, month, day] = text.split('-').map(Number);
  return day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate(); // not 30 February
}

function isBase64(text) {
  return text.length % 4 === 0 && whole('[A-Za-z0-9+/]*={0,2}')(text);
}

/**
 * By its name: what it is called, what a value must be, a value to begin with, and whether a text has it.
 *
 * Dates and times are those of RFC 3339, durations those of ISO 8601, bytes are Base64 (RFC 4648, section 4).
 *
 * @type {Record<string, {name: string, phrase: string, example: string, test: (text: string) => boolean}>}
 */
export const FORMATS = {
  __proto__: null, // a schema may name any form
  'date': {name: 'date', phrase: 'a date such as 2026-01-31', example: '2026-01-01', test: isDate},
  'time': {name: 'time', phrase: 'a time such as 23:59:00', example: '00:00:00', test: whole(`${TIME}${ZONE}?`)},
  'date-time': {
    name: 'date and time',
    phrase: 'a date and time such as 2026-01-31T23:59:00Z',
    example: '2026-01-01T00:00:00Z',
    test: (text) => isDate(text.slice(0, 10)) && whole(`${DATE}[Tt ]${TIME}${ZONE}?`)(text),
  },
  'duration': {
    name: 'duration',
    phrase: 'a duration such as P1DT2H30M',
    example: 'PT0S',
    test: (text) => /\d/.test(text) && whole('[+-]?P(?:[\\d.]+W)?(?:[\\d.]+D)?(?:T(?:[\\d.]+H)?(?:[\\d.]+M)?(?:[\\d.]+S)?)?')(text),
  },
  'uuid': {
    name: 'UUID',
    phrase: 'a UUID: 32 hexadecimal digits',
    example: '00000000-0000-0000-0000-000000000000',
    test: whole('[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}'),
  },
  'decimal': {
    name: 'decimal number',
    phrase: 'a decimal number such as 12.50',
    example: '0',
    test: whole('[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?'),
  },
  'byte': {name: 'bytes in Base64', phrase: 'Base64', example: '', test: isBase64},
};

/**
 * The form that the texts of a schema have.
 *
 * @param {object} schema resolved
 * @returns {string | undefined} a name of `FORMATS`, or one that is not known here
 */
export function formatOf(schema) {
  return schema.contentEncoding === 'base64' ? 'byte' : schema.format;
}
