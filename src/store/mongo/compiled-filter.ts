import { cellOf, cellsOf, type RiskLevel, type Status } from '../../domain/verdict.js';
import { AFTER_ANY_KEY, cellCode, foldCase, KEY_LENGTH, searchKey } from '../search-key.js';
import type { ResultFilter } from '../store.js';
import type { ResultDoc } from './result-docs.js';

/** What a page lets through: by the cell of a result, and by the start of its address. */
export class CompiledFilter {
  /** The cells that pass. */
  readonly cells: readonly number[];
  /** Nothing is kept back. */
  readonly passesAll: boolean;
  readonly #letters: ReadonlySet<string>;
  readonly #start: string;
  readonly #key: string;

  constructor(wanted: ResultFilter) {
    this.cells = cellsOf(wanted);
    this.#letters = new Set(this.cells.map(cellCode));
    this.#start = foldCase(wanted.email ?? '');
    this.#key = searchKey(wanted.email ?? '');
    this.passesAll = this.#start === '' && this.cells.length === cellsOf({}).length;
  }

  /** The keys that an index has for the start of the address. */
  get range(): { $gte: string; $lt: string } {
    return { $gte: this.#key, $lt: `${this.#key}${AFTER_ANY_KEY}` };
  }

  /** The start is longer than a key: what matches by its key may not match all the same. */
  get isLong(): boolean {
    return this.#key.length >= KEY_LENGTH;
  }

  passesKey(key: string): boolean {
    return this.#letters.has(key.slice(-1)) && key.slice(0, -1).startsWith(this.#key);
  }

  passes({ email, status, risk_level }: ResultDoc): boolean {
    return (
      this.cells.includes(cellOf(status as Status, risk_level as RiskLevel | null)) &&
      (this.#start === '' || foldCase(email).startsWith(this.#start))
    );
  }
}
