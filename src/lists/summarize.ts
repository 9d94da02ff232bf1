/** Reads a list once, and counts its rows and the addresses of each column. */
import type { ColumnCounts, ListLayout, ListSummary } from '../domain/list-summary.js';
import { addressIn, addressKey } from './address.js';
import { AddressSet } from './address-set.js';
import type { ByteSource } from './byte-source.js';
import { Columns, emailColumnOf } from './columns.js';
import { charactersOf, type ListLimits, noAddresses, tooLarge } from './limits.js';
import { type Row, readRows } from './read-rows.js';

const SAMPLE_ROWS = 10;
const SAMPLE_COLUMNS = 100;
const SAMPLE_CHARACTERS = 200;
/** After so many rows the column that will most likely be the one with the addresses is counted along. */
const ROWS_TO_GUESS = 500;
/** Or, as the rows until then are kept, after so many characters. */
const CHARACTERS_TO_GUESS = 1024 * 1024;

/** Counts what is sent of one column. */
class ColumnCounter {
  readonly #seen = new AddressSet();
  #sent = 0;
  #withoutAt = 0;

  constructor(readonly column: number) {}

  add(row: Row): void {
    const address = addressIn(row[this.column] ?? '');
    if (address === '') return;
    this.#sent++;
    if (!address.includes('@')) this.#withoutAt++;
    this.#seen.add(addressKey(address));
  }

  counts(): ColumnCounts {
    const { size } = this.#seen;
    return { unique: size, repeats: this.#sent - size, withoutAt: this.#withoutAt };
  }
}

/**
 * @throws Fault `no_addresses`; `payload_too_large` where there are too many rows
 * @throws InvalidInput where a row or a cell is over a limit
 */
export async function summarize(
  source: ByteSource,
  layout: ListLayout,
  limits: ListLimits,
): Promise<ListSummary> {
  const columns = new Columns();
  const sample: string[][] = [];
  let first: Row[] = [];
  let kept = 0;
  let counter: ColumnCounter | null = null;
  let rows = 0;
  for await (const { header, rows: batch } of readRows(source, layout, limits)) {
    if (header !== null) columns.addHeader(header);
    if (header !== null) sample.push(shortened(header));
    for (const row of batch) {
      columns.add(row);
      if (counter !== null) counter.add(row);
      else {
        first.push(row);
        kept += charactersOf(row);
      }
      if (sample.length < SAMPLE_ROWS) sample.push(shortened(row));
    }
    rows += batch.length;
    if (rows > limits.MAX_LIST_ROWS) throw tooLarge('MAX_LIST_ROWS', limits.MAX_LIST_ROWS, 'too many rows');
    if (counter === null && (rows >= ROWS_TO_GUESS || kept >= CHARACTERS_TO_GUESS)) {
      counter = counterFor(emailColumnOf(columns.all()), first);
      first = [];
    }
  }
  const all = columns.all();
  const emailColumn = emailColumnOf(all);
  if (emailColumn === undefined) throw noAddresses();
  counter ??= counterFor(emailColumn, first);
  const counts =
    emailColumn === null
      ? null
      : counter.column === emailColumn
        ? counter.counts()
        : await countColumn(source, layout, emailColumn, limits);
  return { ...layout, columns: all, emailColumn, rows, counts, sample };
}

/** What is sent of any other column. Reads the list again. */
export async function countColumn(
  source: ByteSource,
  layout: ListLayout,
  column: number,
  limits: ListLimits,
): Promise<ColumnCounts> {
  const counter = new ColumnCounter(column);
  for await (const { rows } of readRows(source, layout, limits)) for (const row of rows) counter.add(row);
  return counter.counts();
}

function counterFor(column: number | null | undefined, rows: readonly Row[]): ColumnCounter {
  const counter = new ColumnCounter(column ?? 0);
  for (const row of rows) counter.add(row);
  return counter;
}

const shortened = (row: Row): string[] =>
  row.slice(0, SAMPLE_COLUMNS).map((cell) => cell.slice(0, SAMPLE_CHARACTERS).toWellFormed());
