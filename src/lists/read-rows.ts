/** Reads the rows of a list, a batch at a time and apart from the header. The event loop gets turns in between. */
import type { ListLayout } from '../domain/list-summary.js';
import { ownTurn, portions } from '../portions.js';
import type { ByteSource } from './byte-source.js';
import { csvRows } from './csv-rows.js';
import { withoutDelimiterNote } from './dialect.js';
import { decode } from './encoding.js';
import { cellTooLong, checkRow, type ListLimits } from './limits.js';
import { cellsOf, lastEntryEnd } from './text-rows.js';
import { sheetRows } from './workbook/sheet-rows.js';

export type Row = readonly string[];

export interface RowBatch {
  /** The row that names the columns, as it came: in the first batch, where the list has one. */
  readonly header: Row | null;
  /** The cells as they came. Short rows have fewer than others. */
  readonly rows: readonly Row[];
}

/** Bytes that are read before the event loop gets a turn. */
const PIECE_BYTES = 16 * 1024;
/** Rows that are handed on in one go: a line of running text may be tens of thousands. */
const ROWS_AT_ONCE = 2_000;
/** A line of running text that is longer is cut between two addresses. */
const LONG_LINE = 64 * 1024;

/**
 * Empty rows are left out.
 * @throws InvalidInput where a row or a cell is over a limit
 */
export async function* readRows(
  source: ByteSource,
  layout: ListLayout,
  limits: ListLimits,
): AsyncGenerator<RowBatch, void, void> {
  let read = 0;
  let header: Row | null = null;
  for await (const batch of inPortions(batchesOf(source, layout, limits))) {
    for (const [index, row] of batch.entries()) checkRow(row, read + index, limits);
    read += batch.length;
    let rows = batch.filter(isFilled);
    if (layout.header && header === null && rows[0] !== undefined) {
      header = rows[0];
      rows = rows.slice(1);
      yield { header, rows };
    } else if (rows.length > 0) yield { header: null, rows };
    await ownTurn();
  }
}

async function* inPortions(batches: AsyncIterable<string[][]>): AsyncGenerator<readonly string[][]> {
  for await (const batch of batches) yield* portions(batch, ROWS_AT_ONCE);
}

const isFilled = (row: Row): boolean => row.some((cell) => cell.trim() !== '');

function batchesOf(source: ByteSource, layout: ListLayout, limits: ListLimits): AsyncIterable<string[][]> {
  if (layout.sheet !== null) return sheetRows(source, layout.sheet, limits);
  const text = withoutNote(decode(pieces(source.read()), layout.encoding));
  return layout.format === 'csv' ? csvRows(text, layout.delimiter, limits) : textRows(text, limits);
}

async function* pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}

async function* withoutNote(text: AsyncIterable<string>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const piece of text) {
    yield isFirst ? withoutDelimiterNote(piece) : piece;
    isFirst = false;
  }
}

async function* textRows(text: AsyncIterable<string>, limits: ListLimits): AsyncGenerator<string[][]> {
  let rest = '';
  let read = 0;
  for await (const piece of text) {
    const all = rest + piece;
    const end = lastEntryEnd(all, all.length > LONG_LINE);
    const rows = cellsOf(all.slice(0, end)).map((cell) => [cell]);
    rest = all.slice(end);
    read += rows.length;
    if (rest.length > limits.MAX_LIST_CELL + LONG_LINE) throw cellTooLong(read, 0, limits);
    if (rows.length > 0) yield rows;
  }
  const last = cellsOf(rest).map((cell) => [cell]);
  if (last.length > 0) yield last;
}
