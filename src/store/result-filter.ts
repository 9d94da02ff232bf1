/**
 * The rule by which both stores filter results: by *cell* (a pair of status and risk level, stored as one character for
 * each result) and by the start of the address (stored as an index key).
 */
import { cellsOf } from '../domain/verdict.js';
import type { ResultFilter } from './store.js';

/** Characters of an address in its index key. Longer addresses exist, but few people type that much of one. */
const KEY_LENGTH = 254;
/** Sorts after everything that can follow a prefix in a key: the last character there is, more often than a key can hold it. */
const AFTER_ANY_KEY = '\u{10ffff}'.repeat(KEY_LENGTH);

/** Upper case, because lower case depends on the neighbours: a sigma at the end of a word becomes another letter there. */
const foldCase = (text: string): string => text.toUpperCase();

/** The index key of an address, or of the start of one. */
export const searchKey = (email: string): string => foldCase(email).slice(0, KEY_LENGTH).toWellFormed();

/** Character code of cell 0: `a`. */
export const FIRST_CELL_CODE = 97;
export const cellCode = (cell: number): string => String.fromCharCode(FIRST_CELL_CODE + cell);

export class CompiledFilter {
  /** The cells that pass. */
  readonly cells: readonly number[];
  /** The filter leaves nothing out. */
  readonly passesAll: boolean;
  /** The filter asks for the start of an address. */
  readonly hasPrefix: boolean;
  /** The index keys of the addresses with that start: from the first key, below the second. */
  readonly keyRange: readonly [from: string, below: string];
  /** The start fills a whole key: an address whose key matches may differ after it, so `passesAddress` decides. */
  readonly exceedsKeys: boolean;
  readonly #codes: ReadonlySet<string>;
  readonly #prefix: string;
  readonly #key: string;

  constructor(wanted: ResultFilter) {
    this.cells = cellsOf(wanted);
    this.#codes = new Set(this.cells.map(cellCode));
    this.#prefix = foldCase(wanted.email ?? '');
    this.#key = searchKey(wanted.email ?? '');
    this.hasPrefix = this.#prefix !== '';
    this.passesAll = !this.hasPrefix && this.cells.length === cellsOf({}).length;
    this.keyRange = [this.#key, `${this.#key}${AFTER_ANY_KEY}`];
    this.exceedsKeys = this.#key.length >= KEY_LENGTH;
  }

  passesCode(code: string): boolean {
    return this.#codes.has(code);
  }

  passesKey(key: string): boolean {
    return key.startsWith(this.#key);
  }

  passesAddress(email: string): boolean {
    return !this.hasPrefix || foldCase(email).startsWith(this.#prefix);
  }
}
