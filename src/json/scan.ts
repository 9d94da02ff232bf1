/** Finds the ends of JSON values in their bytes, before anything is parsed: nesting and number of values have limits. */

import { InvalidInput } from '../domain/invalid-input.js';

/** Arrays and objects in one another. An update has six; `JSON.parse` holds up the process for seconds on millions. */
const MAX_DEPTH = 64;
/** Values in one entry of a list, or in one member of the outermost object that is no list. A result has about thirty. */
const MAX_VALUES = 10_000;
/** Bytes of a number, and of white space: the parser would read each digit of millions. */
const MAX_GAP_BYTES = 64 * 1024;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const LIST_START = 0x5b;
export const LIST_END = 0x5d;
export const OBJECT_START = 0x7b;
export const OBJECT_END = 0x7d;
const BACKSLASH = 0x5c;

const invalid = (message: string) => new InvalidInput([{ field: 'body', message }]);
export const notJson = () => invalid('must be JSON');
export const notAnObject = () => invalid('must be a JSON object');
export const tooManyValues = () => invalid('has too many values');

/** @throws InvalidInput where the text or the bytes are nested too deeply */
export function checkDepth(source: string | Uint8Array): void {
  if (isTooDeep(source)) throw tooDeep();
}

/** Whether the text or the bytes are nested so deeply that they must not be parsed. Whether they are JSON is left to the parser. */
export function isTooDeep(source: string | Uint8Array): boolean {
  // Most packets of a socket, and most results.
  if (source.length <= MAX_DEPTH || (typeof source === 'string' && hasFewBrackets(source))) return false;
  const bytes = typeof source === 'string' ? Buffer.from(source) : source;
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = endOfString(bytes, i) - 1;
      // The parser says what is wrong with it.
      if (i < 0) return false;
    } else if (byte === LIST_START || byte === OBJECT_START) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === LIST_END || byte === OBJECT_END) depth--;
  }
  return false;
}

/** Too few to be nested too deeply: found out many times faster than how deep they are. */
function hasFewBrackets(text: string): boolean {
  let left = MAX_DEPTH;
  for (const bracket of ['[', '{'])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (--left < 0) return false;
  return true;
}

/**
 * Whether a text may have more values than `max`: it has more commas and opening brackets. Those inside its strings count as
 * well, so it is for texts that have few.
 */
export function hasMoreValues(text: string, max: number): boolean {
  if (text.length <= max) return false;
  let left = max;
  for (const mark of [',', '[', '{'])
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) if (--left < 0) return true;
  return false;
}

const tooDeep = () => invalid(`is nested too deeply: more than ${MAX_DEPTH} levels`);

/** The position behind the string whose quote is at `start`; 0: it has no end. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let i = start + 1; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return 0;
}

/** 1 for a quote, a comma and the brackets. */
const STRUCTURE = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, LIST_START, LIST_END, OBJECT_START, OBJECT_END]) STRUCTURE[byte] = 1;

interface ScannedValue {
  readonly end: number;
  /** Values in it, itself included. */
  readonly values: number;
}

/** The value at `start`, which is inside `depth` arrays and objects. @throws InvalidInput where it has no end or is too large */
export function scanValue(bytes: Uint8Array, start: number, depth: number): ScannedValue {
  const outside = depth;
  let values = 1;
  // Behind the last string, bracket or comma.
  let gapStart = start;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === undefined || STRUCTURE[byte] === 0) continue;
    if (i - gapStart > MAX_GAP_BYTES) throw invalid('has a number or white space that is too long');
    if (byte === QUOTE) {
      i = endOfString(bytes, i) - 1;
      if (i < 0) throw notJson();
      if (depth === outside) return { end: i + 1, values };
    } else if (byte === LIST_START || byte === OBJECT_START) {
      if (++depth > MAX_DEPTH) throw tooDeep();
      values++;
    } else if (byte === LIST_END || byte === OBJECT_END) {
      // Of the array around a number.
      if (depth === outside) return { end: i, values };
      if (--depth === outside) return { end: i + 1, values };
    } else if (byte === COMMA) {
      if (depth === outside) return { end: i, values };
      values++;
    }
    if (values > MAX_VALUES) throw tooManyValues();
    gapStart = i + 1;
  }
  throw notJson();
}

/** The position of the first byte from `start` on that is no white space. */
export function skipSpace(bytes: Uint8Array, start: number): number {
  let i = start;
  for (; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return i;
}
