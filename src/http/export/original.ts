/** Gives an uploaded list back, row by row, with the verdicts on its addresses. */
import type { PlacedResult } from '../../domain/result.js';
import { addressIn } from '../../lists/address.js';
import type { Row, RowBatch } from '../../lists/read-rows.js';
import { WorkTime } from '../../portions.js';
import { BOM } from './encoding.js';
import { Verdicts } from './verdicts.js';
import { SheetRows } from './xlsx.js';

export interface OriginalList {
  readonly rows: AsyncIterable<RowBatch>;
  /** Columns of the widest row: shorter ones are filled up, so that the verdicts stand below each other. */
  readonly columns: number;
  /** The column with the addresses. */
  readonly column: number;
  /** Between two cells of a CSV file. */
  readonly delimiter: string;
}

interface OriginalOptions {
  readonly format: 'csv' | 'xlsx';
  readonly bom: boolean;
  readonly rows: RowChoice;
}

/**
 * Which rows come back: all; those with a verdict among these results; or those whose address has none yet, as they were
 * uploaded, for they are submitted again as a list of their own.
 */
export type RowChoice = 'all' | 'with-verdict' | 'without-verdict';

export const ADDED = ['verdict', 'reason', 'risk', 'score'];
const CHUNK_CHARS = 64 * 1024;

/**
 * First the verdicts are read, then the rows: an address may be repeated anywhere in the list, and its result may be missing
 * or come late. Results are found by their address, whatever their position.
 */
export async function* originalRows(
  results: AsyncIterable<readonly PlacedResult[]>,
  list: OriginalList,
  { format, bom, rows: wanted }: OriginalOptions,
): AsyncGenerator<string, void, void> {
  const verdicts = new Verdicts();
  const time = new WorkTime();
  for await (const slice of results)
    for (const result of slice) {
      if (time.isUp) await time.giveTurn();
      verdicts.add(result);
    }
  const write = format === 'csv' ? csvWriter(list) : sheetWriter(list);
  const added = (cells: readonly (string | number)[]) => (wanted === 'without-verdict' ? [] : cells);
  let text = bom && format === 'csv' ? BOM : '';
  for await (const { header, rows } of list.rows) {
    if (header !== null) text += write(header, added(ADDED));
    for (const row of rows) {
      // Each may have a thousand cells.
      if (time.isUp) await time.giveTurn();
      const address = addressIn(row[list.column] ?? '');
      const found = address === '' ? null : verdicts.of(address);
      if (!isWanted(wanted, found !== null, address)) continue;
      const { status = '', reason, risk, score } = found ?? {};
      text += write(row, added([status, reason ?? '', risk ?? '', score ?? '']));
      if (text.length < CHUNK_CHARS) continue;
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

function isWanted(rows: RowChoice, hasVerdict: boolean, address: string): boolean {
  if (rows === 'all') return true;
  return rows === 'with-verdict' ? hasVerdict : !hasVerdict && address !== '';
}

type Writer = (row: Row, added: readonly (string | number)[]) => string;

/** Every cell is as it came, also one that is a formula: it is the person's own. */
function csvWriter({ columns, delimiter }: OriginalList): Writer {
  const toQuote = new RegExp(`["\\r\\n${delimiter === '|' ? '\\|' : delimiter}]`);
  const quoted = (cell: string) => (toQuote.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return (row, added) => {
    let text = quoted(row[0] ?? '');
    for (let index = 1; index < Math.max(columns, row.length); index++)
      text += delimiter + quoted(row[index] ?? '');
    for (const cell of added) text += `${delimiter}${cell}`;
    return `${text}\r\n`;
  };
}

function sheetWriter({ columns }: OriginalList): Writer {
  const { write } = new SheetRows();
  const filled = (row: Row) =>
    Array.from({ length: Math.max(columns, row.length) }, (_, index) => row[index]);
  return (row, added) => write([...filled(row), ...added]);
}
