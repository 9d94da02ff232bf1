/**
 * The rule by which both stores filter results: by *cell* (verdict and risk level, stored as one character for each result)
 * and by the start of the address or of its domain (stored as index keys).
 */
import { domainOf } from '../domain/result.js';
import { type CellFilter, cellsOf } from '../domain/verdict.js';
import type { ResultFilter } from './store.js';

/** Characters of an address in its index key. Longer addresses exist, but few people type that much of one. */
const KEY_LENGTH = 254;
/** Sorts after everything that can follow a prefix in a key: the last character there is, more often than a key can hold it. */
const AFTER_ANY_KEY = '\u{10ffff}'.repeat(KEY_LENGTH);

/** Upper case, because lower case depends on the neighbours: a sigma at the end of a word becomes another letter there. */
const foldCase = (text: string): string => text.toUpperCase();
const keyOf = (folded: string): string => folded.slice(0, KEY_LENGTH).toWellFormed();

/** The index key of an address, or of the start of one. */
export const searchKey = (email: string): string => keyOf(foldCase(email));

/** The index key of an address's domain; null: it has none. */
export function domainKey(email: string): string | null {
  const domain = domainOf(email);
  return domain === null ? null : searchKey(domain);
}

/** Character code of cell 0. All of them are printable ASCII. */
export const FIRST_CELL_CODE = 40;
export const cellCode = (cell: number): string => String.fromCharCode(FIRST_CELL_CODE + cell);
export const cellOfCode = (code: string): number => code.charCodeAt(0) - FIRST_CELL_CODE;

type KeyRange = readonly [from: string, below: string];

export class CompiledFilter {
  /** The cells that pass, in ascending order. */
  readonly cells: readonly number[];
  /** Every cell passes. */
  readonly passesAllCells: boolean;
  /** The filter asks for the start of an address or of a domain. */
  readonly hasPrefix: boolean;
  /** The filter asks for the start of a domain only. */
  readonly isDomainOnly: boolean;
  /** The index keys, of addresses and of domains, that have the start: from the first key, below the second. */
  readonly keyRange: KeyRange;
  /** The start is as long as a key, or longer. Addresses with equal keys may still differ after it, so `passesAddress` decides. */
  readonly exceedsKeys: boolean;
  readonly #codes: ReadonlySet<string>;
  readonly #prefix: string;
  readonly #key: string;

  constructor(wanted: ResultFilter) {
    this.cells = cellsOf(wanted);
    this.#codes = new Set(this.cells.map(cellCode));
    this.passesAllCells = this.cells.length === cellsOf({} satisfies CellFilter).length;
    const email = wanted.email ?? '';
    this.hasPrefix = email !== '';
    this.isDomainOnly = email.startsWith('@');
    this.#prefix = foldCase(this.isDomainOnly ? email.slice(1) : email);
    this.#key = keyOf(this.#prefix);
    this.keyRange = [this.#key, `${this.#key}${AFTER_ANY_KEY}`];
    this.exceedsKeys = this.#key.length >= KEY_LENGTH;
  }

  /** The filter leaves nothing out. */
  get passesAll(): boolean {
    return this.passesAllCells && !this.hasPrefix;
  }

  passesCode(code: string): boolean {
    return this.#codes.has(code);
  }

  /** By the index key of an address; null: what is asked for does not fit into the key, so `passesAddress` decides. */
  passesKey(key: string): boolean | null {
    if (!this.hasPrefix) return true;
    if (!this.isDomainOnly && key.startsWith(this.#key)) return this.exceedsKeys ? null : true;
    return key.length >= KEY_LENGTH ? null : this.#passesDomain(key);
  }

  passesAddress(email: string): boolean {
    if (!this.hasPrefix) return true;
    const folded = foldCase(email);
    return (!this.isDomainOnly && folded.startsWith(this.#prefix)) || this.#passesDomain(folded);
  }

  #passesDomain(folded: string): boolean {
    return domainOf(folded)?.startsWith(this.#prefix) ?? false;
  }
}

/** The address of a stored result: its JSON begins with it. */
export function emailIn(json: string): string {
  const start = json.indexOf('"', json.indexOf(':')) + 1;
  const end = json.indexOf('"', start);
  const plain = json.slice(start, end);
  return plain.includes('\\') ? (JSON.parse(json) as { email: string }).email : plain;
}
