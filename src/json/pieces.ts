/** Cuts a JSON object into its members, and those that are lists into their entries, without parsing any of them. */

import {
  COLON,
  COMMA,
  LIST_END,
  LIST_START,
  notAnObject,
  notJson,
  OBJECT_END,
  OBJECT_START,
  QUOTE,
  scanValue,
  skipSpace,
  tooManyValues,
} from './scan.js';

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The value of a member; or the beginning of a list, some of its entries, of which `entries` has the places, and its end. No
 * piece has more than a turn's work, unless a single value is longer.
 */
export interface Piece extends Range {
  readonly kind: 'value' | 'list' | 'entries' | 'list-end';
  readonly key: string;
  readonly entries: readonly Range[];
}

const PIECE_BYTES = 64 * 1024;
const PIECE_ENTRIES = 1_000;
const NONE: readonly Range[] = [];

/** Members of an object with more are hardly meant, and each costs a key. */
const MAX_MEMBERS = 1_000;
/** Values in all: so many, or one for each so many bytes, whichever is more. The shortest take two or three bytes. */
const MIN_VALUES = 1_000_000;
const BYTES_PER_VALUE = 8;

// A mark of the byte order in front of an entry is not JSON.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes of a piece as text; invalid UTF-8 becomes U+FFFD. */
export const textIn = (bytes: Uint8Array, start: number, end: number): string =>
  decoder.decode(bytes.subarray(start, end));

/** @throws InvalidInput where the object cannot be cut; pieces may still be no JSON */
export function* piecesOf(bytes: Uint8Array): Generator<Piece, void, void> {
  const at = (position: number) => bytes[position];
  let left = Math.max(MIN_VALUES, bytes.length / BYTES_PER_VALUE);
  const scan = (start: number, depth: number) => {
    const { end, values } = scanValue(bytes, start, depth);
    left -= values;
    if (left < 0) throw tooManyValues();
    return end;
  };
  let i = skipSpace(bytes, 0);
  if (at(i) !== OBJECT_START) throw at(i) === LIST_START ? notAnObject() : notJson();
  i = skipSpace(bytes, i + 1);
  for (let members = 0; at(i) !== OBJECT_END || members > 0; members++) {
    if (members > MAX_MEMBERS) throw tooManyValues();
    if (at(i) !== QUOTE) throw notJson();
    const keyEnd = scan(i, 1);
    const key = keyIn(bytes, i, keyEnd);
    i = skipSpace(bytes, keyEnd);
    if (at(i) !== COLON) throw notJson();
    i = skipSpace(bytes, i + 1);
    if (at(i) === LIST_START) {
      yield { kind: 'list', key, start: i + 1, end: i + 1, entries: NONE };
      i = skipSpace(bytes, i + 1);
      let entries: Range[] = [];
      while (at(i) !== LIST_END) {
        const end = scan(i, 2);
        entries.push({ start: i, end });
        const start = entries[0]?.start ?? i;
        if (end - start >= PIECE_BYTES || entries.length >= PIECE_ENTRIES) {
          yield { kind: 'entries', key, start, end, entries };
          entries = [];
        }
        i = skipSpace(bytes, end);
        if (at(i) === LIST_END) break;
        if (at(i) !== COMMA) throw notJson();
        i = skipSpace(bytes, i + 1);
        // A comma with nothing behind it.
        if (at(i) === LIST_END) throw notJson();
      }
      const [first, last] = [entries[0], entries.at(-1)];
      if (first && last) yield { kind: 'entries', key, start: first.start, end: last.end, entries };
      yield { kind: 'list-end', key, start: i, end: i, entries: NONE };
      i++;
    } else {
      const end = scan(i, 1);
      yield { kind: 'value', key, start: i, end, entries: NONE };
      i = end;
    }
    i = skipSpace(bytes, i);
    if (at(i) === OBJECT_END) break;
    if (at(i) !== COMMA) throw notJson();
    i = skipSpace(bytes, i + 1);
  }
  if (skipSpace(bytes, i + 1) !== bytes.length) throw notJson();
}

function keyIn(bytes: Uint8Array, start: number, end: number): string {
  try {
    return JSON.parse(textIn(bytes, start, end)) as string;
  } catch {
    throw notJson();
  }
}
