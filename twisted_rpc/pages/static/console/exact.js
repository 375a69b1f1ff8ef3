/**
 * JSON without losing digits.
 *
 * `JSON.parse` makes every number a double: 9007199254740993 becomes ...992. Here a numeral that a double does not
 * reproduce stays an `Exact`, and is written as it was read.
 *
 * @module
 */

/** A number that no JavaScript number reproduces. */
export class Exact {
  /** @param {string} text the numeral, as in JSON (RFC 8259, section 6) */
  constructor(text) {
    this.text = text;
    Object.freeze(this);
  }

  toString() {
    return this.text;
  }

  /** Lets `JSON.stringify` write it whole, where the browser knows `JSON.rawJSON`. */
  toJSON() {
    if (JSON.rawJSON === undefined) {
      throw new TypeError(`this browser cannot write ${this.text} without losing digits`);
    }
    return JSON.rawJSON(this.text);
  }
}

/** Text that is no JSON; the message names line and column, both from 1. */
export class JSONError extends SyntaxError {
  /**
   * @param {string} reason what is wrong, in words
   * @param {string} text all of it
   * @param {number} offset where it is wrong
   */
  constructor(reason, text, offset) {
    const before = text.slice(0, offset).split('\n');
    const line = before.length;
    const column = [...before[line - 1]].length + 1;
    super(`line ${line}, column ${column}: ${reason}`);
    Object.assign(this, {name: 'JSONError', reason, offset, line, column});
  }
}

const NUMERAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const DEEPEST = 500;

/**
 * Whether a value is a number, exact or not.
 *
 * @param {unknown} value
 * @returns {boolean}
 */
export function isNumber(value) {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Exact;
}

/**
 * Whether a value is an object of JSON.
 *
 * @param {unknown} value
 * @returns {boolean}
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumber(value);
}

/**
 * The number that a numeral stands for.
 *
 * @param {string} text
 * @returns {number | Exact | undefined} undefined if it is no numeral of JSON
 */
export function numberOf(text) {
  if (!NUMERAL.test(text)) return undefined;
  const number = Number(text);
  return sameNumeral(text, Object.is(number, -0) ? '-0' : String(number)) ? number : new Exact(text);
}

/**
 * Which of two numbers is greater, to the last digit.
 *
 * @param {number | bigint | Exact} left
 * @param {number | bigint | Exact} right
 * @returns {number} negative, 0 or positive
 */
export function compare(left, right) {
  const [a, b] = [partsOf(String(left)), partsOf(String(right))];
  if (a.digits === '' && b.digits === '') return 0;
  const [first, second] = [signOf(a), signOf(b)];
  if (first !== second) return first - second;
  return first * compareSizes(a, b);
}

/**
 * Whether a number is whole.
 *
 * @param {number | bigint | Exact} value
 * @returns {boolean}
 */
export function isInteger(value) {
  return partsOf(String(value)).exponent >= 0;
}

/**
 * Read JSON.
 *
 * @param {string} text
 * @returns {unknown} as `JSON.parse`, with an `Exact` for each number that would lose digits
 * @throws {JSONError} it is no JSON
 */
export function parse(text) {
  return new Reader(text).whole();
}

/**
 * Read JSON that a machine wrote: as `parse`, and quick where no number can lose digits.
 *
 * @param {string} text
 * @returns {unknown} as `parse`
 * @throws {SyntaxError} it is no JSON
 */
export function parseQuickly(text) {
  // A double has 15 digits of any number, wherever its point is.
  return /[\d.]{16}|\d[eE]/.test(text) ? parse(text) : JSON.parse(text);
}

/**
 * Write JSON.
 *
 * @param {unknown} value of JSON; a bigint or an `Exact` is a number
 * @param {number} [indent] spaces for each level; all in one line without it
 * @returns {string}
 */
export function stringify(value, indent = 0) {
  return write(value, indent, '\n');
}

/**
 * Whether two values are the same JSON, digit for digit.
 *
 * @param {unknown} left
 * @param {unknown} right
 * @returns {boolean}
 */
export function isSame(left, right) {
  if (left === right) return true;
  if (left === undefined || right === undefined) return false;
  return stringify(left) === stringify(right);
}

const SPACE = /[ \t\r\n]*/y;
const WORD = /[A-Za-z_$][\w$]*/y;
const DIGITS = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const INSIDE = /[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*/y;
const WORDS = new Map([['true', true], ['false', false], ['null', null]]);

/** Reads one text from its beginning to its end. */
class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.depth = 0;
  }

  whole() {
    const value = this.value('a value is missing');
    this.space();
    if (this.at < this.text.length) this.fail('there is more after the end');
    return value;
  }

  fail(reason, offset = this.at) {
    throw new JSONError(reason, this.text, offset);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.at = pattern.lastIndex;
    return found[0];
  }

  space() {
    this.match(SPACE);
  }

  takes(character) {
    this.space();
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  value(missing) {
    this.space();
    const first = this.text[this.at];
    if (first === undefined) this.fail(missing);
    if (first === '{') return this.nested(() => this.object());
    if (first === '[') return this.nested(() => this.array());
    if (first === '"') return this.string();
    if (first === '-' || (first >= '0' && first <= '9')) return this.number();
    return this.word(missing);
  }

  nested(read) {
    this.depth += 1;
    if (this.depth > DEEPEST) this.fail(`more than ${DEEPEST} levels`);
    this.at += 1;
    const value = read();
    this.depth -= 1;
    return value;
  }

  object() {
    const value = {};
    if (this.takes('}')) return value;
    do {
      this.space();
      if (this.text[this.at] !== '"') this.fail('a name in double quotes is missing');
      const name = this.string();
      if (!this.takes(':')) this.fail('a colon is missing');
      // As JSON.parse: a member called __proto__ is a member.
      const member = {value: this.value('a value is missing'), writable: true, enumerable: true, configurable: true};
      Object.defineProperty(value, name, member);
    } while (this.takes(','));
    if (!this.takes('}')) this.fail('a comma or } is missing');
    return value;
  }

  array() {
    const value = [];
    if (this.takes(']')) return value;
    do {
      value.push(this.value('a value is missing'));
    } while (this.takes(','));
    if (!this.takes(']')) this.fail('a comma or ] is missing');
    return value;
  }

  string() {
    const begun = this.at;
    this.at += 1;
    this.match(INSIDE);
    const stop = this.text[this.at];
    this.at += 1;
    if (stop === '"') return JSON.parse(this.text.slice(begun, this.at));
    if (stop === undefined || stop === '\n') this.fail('the text has no closing quote', begun);
    if (stop === '\\') this.fail('no such escape', this.at - 1);
    return this.fail('a control character in a text: write it as an escape', this.at - 1);
  }

  number() {
    const begun = this.at;
    const found = this.match(DIGITS);
    if (found === undefined || /[\w.+]/.test(this.text[this.at] ?? '')) this.fail('no such number', begun);
    return numberOf(found);
  }

  word(missing) {
    const begun = this.at;
    const found = this.match(WORD);
    if (WORDS.has(found)) return WORDS.get(found);
    if (found !== undefined) this.fail(`${found} is no value; text stands in double quotes`, begun);
    if (this.text[begun] === "'") this.fail('text stands in double quotes', begun);
    return this.fail(missing, begun);
  }
}

function write(value, indent, lineEnd) {
  if (isNumber(value)) return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const within = indent > 0 ? lineEnd + ' '.repeat(indent) : '';
  const colon = indent > 0 ? ': ' : ':';
  const parts = Array.isArray(value)
    ? value.map((item) => write(item, indent, within))
    : Object.keys(value).filter((name) => value[name] !== undefined).map(
      (name) => JSON.stringify(name) + colon + write(value[name], indent, within),
    );
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return open + close;
  return open + within + parts.join(',' + within) + (indent > 0 ? lineEnd : '') + close;
}

/** A numeral as digits without zeros at either end, times a power of ten. */
function partsOf(text) {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const digits = (whole + fraction).replace(/^0+/, '');
  const stripped = digits.replace(/0+$/, '');
  if (stripped === '') return {sign, digits: '', exponent: 0};
  return {sign, digits: stripped, exponent: Number(exponent) - fraction.length + digits.length - stripped.length};
}

function sameNumeral(left, right) {
  if (!NUMERAL.test(right)) return false; // Infinity
  const [a, b] = [partsOf(left), partsOf(right)];
  return a.sign === b.sign && a.digits === b.digits && a.exponent === b.exponent;
}

function signOf(parts) {
  if (parts.digits === '') return 0;
  return parts.sign === '-' ? -1 : 1;
}

function compareSizes(a, b) {
  const longer = a.digits.length + a.exponent - (b.digits.length + b.exponent);
  if (longer !== 0) return longer;
  const length = Math.max(a.digits.length, b.digits.length);
  const [left, right] = [a.digits.padEnd(length, '0'), b.digits.padEnd(length, '0')];
  return left < right ? -1 : Number(left > right);
}
