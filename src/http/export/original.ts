/** The uploaded list, given back row by row with its verdicts. */
import type { PlacedResult } from '../../domain/result.js';
import { addressIn } from '../../lists/address.js';
import type { Row, RowBatch } from '../../lists/read-rows.js';
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

export interface OriginalOptions {
  readonly format: 'csv' | 'xlsx';
  readonly bom: boolean;
  /** Rows without a verdict among these results are left out. */
  readonly isFiltered: boolean;
}

export const ADDED = ['verdict', 'reason', 'risk', 'score'];
const CHUNK_CHARS = 64 * 1024;

/**
 * First the verdicts are read, then the rows: an address may be repeated anywhere in the list, and its result may be missing
 * or come late. Results are found by their address, whatever their position.
 */
export async function* originalRows(
  results: AsyncIterable<readonly PlacedResult[]>,
  list: OriginalList,
  { format, bom, isFiltered }: OriginalOptions,
): AsyncGenerator<string, void, void> {
  const verdicts = new Verdicts();
  for await (const slice of results) verdicts.add(slice);
  const write = format === 'csv' ? csvWriter(list) : sheetWriter(list);
  let text = bom && format === 'csv' ? BOM : '';
  for await (const { header, rows } of list.rows) {
    if (header !== null) text += write(header, ADDED);
    for (const row of rows) {
      const address = addressIn(row[list.column] ?? '');
      const found = address === '' ? null : verdicts.of(address);
      if (found === null && isFiltered) continue;
      const { status = '', reason, risk, score } = found ?? {};
      text += write(row, [status, reason ?? '', risk ?? '', score ?? '']);
      if (text.length < CHUNK_CHARS) continue;
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

type Writer = (row: Row, added: readonly (string | number)[]) => string;

/** Every cell is as it came, also one that is a formula: it is the person's own. */
function csvWriter({ columns, delimiter }: OriginalList): Writer {
  const toQuote = new RegExp(`["\\r\\n${delimiter === '|' ? '\\|' : delimiter}]`);
  const quoted = (cell: string) => (toQuote.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return (row, added) => {
    let text = '';
    for (let index = 0; index < Math.max(columns, row.length); index++)
      text += quoted(row[index] ?? '') + delimiter;
    return `${text}${added.join(delimiter)}\r\n`;
  };
}

function sheetWriter({ columns }: OriginalList): Writer {
  const { write } = new SheetRows();
  const filled = (row: Row) =>
    Array.from({ length: Math.max(columns, row.length) }, (_, index) => row[index]);
  return (row, added) => write([...filled(row), ...added]);
}
