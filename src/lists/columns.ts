/** Counts the addresses of each column, and says which column is the one with the addresses. */
import type { ListColumn } from '../domain/list-summary.js';
import { addressIn, hasAddress } from './address.js';
import { isEmailWord } from './header.js';
import type { Row } from './read-rows.js';

/** A column with this share of the addresses of the fullest one may be meant as well. */
const RIVAL_SHARE = 0.5;

export class Columns {
  #header: Row | null = null;
  readonly #addresses: number[] = [];

  addHeader(header: Row): void {
    this.#header = header;
    this.#widen(header.length);
  }

  add(row: Row): void {
    this.#widen(row.length);
    for (let column = 0; column < row.length; column++) {
      const cell = row[column] as string;
      if (hasAddress(cell)) this.#addresses[column] = (this.#addresses[column] ?? 0) + 1;
    }
  }

  #widen(length: number): void {
    while (this.#addresses.length < length) this.#addresses.push(0);
  }

  all(): ListColumn[] {
    return this.#addresses.map((addresses, index) => ({ index, name: this.#nameOf(index), addresses }));
  }

  #nameOf(index: number): string | null {
    return this.#header === null ? null : addressIn(this.#header[index] ?? '').slice(0, MAX_NAME);
  }
}

/** Names of columns are shown; they are cut after so many characters. */
const MAX_NAME = 200;

/**
 * The column with the addresses: the only one that has about as many as any other, or the only one of those that is named
 * for it. Null: two columns or more may be meant. Undefined: no column has an address.
 */
export function emailColumnOf(columns: readonly ListColumn[]): number | null | undefined {
  const most = Math.max(0, ...columns.map(({ addresses }) => addresses));
  if (most === 0) return undefined;
  const meant = columns.filter(({ addresses }) => addresses > 0 && addresses >= most * RIVAL_SHARE);
  if (meant.length === 1) return meant[0]?.index;
  const named = meant.filter(({ name }) => name !== null && isEmailWord(name));
  return named.length === 1 ? named[0]?.index : null;
}
