/** The uploaded list, given back row by row with its verdicts. */
import type { PlacedResult } from '../../domain/result.js';
import { addressIn } from '../../lists/address.js';
import type { Row, RowBatch } from '../../lists/read-rows.js';
import { BOM } from './encoding.js';
import { Verdicts } from './verdicts.js';

export interface OriginalList {
  readonly rows: AsyncIterable<RowBatch>;
  /** Columns of the widest row: shorter ones are filled up, so that the verdicts stand below each other. */
  readonly columns: number;
  /** The column with the addresses. */
  readonly column: number;
  /** Between two cells. */
  readonly delimiter: string;
}

export interface OriginalOptions {
  readonly bom: boolean;
  /** Rows without a verdict among these results are left out. */
  readonly isFiltered: boolean;
}

const ADDED = ['verdict', 'reason', 'risk', 'score'];
const CHUNK_CHARS = 64 * 1024;

/**
 * First the verdicts are read, then the rows: an address may be repeated anywhere in the list, and its result may be missing
 * or come late. Results are found by their address, whatever their position.
 */
export async function* originalRows(
  results: AsyncIterable<readonly PlacedResult[]>,
  list: OriginalList,
  { bom, isFiltered }: OriginalOptions,
): AsyncGenerator<string> {
  const verdicts = new Verdicts();
  for await (const slice of results) verdicts.add(slice);
  const write = rowWriter(list);
  let text = bom ? BOM : '';
  for await (const { header, rows } of list.rows) {
    if (header !== null) text += write(header, ADDED);
    for (const row of rows) {
      const address = addressIn(row[list.column] ?? '');
      const found = address === '' ? null : verdicts.of(address);
      if (found === null && isFiltered) continue;
      const { status = '', reason, risk, score } = found ?? {};
      text += write(row, [status, reason ?? '', risk ?? '', String(score ?? '')]);
      if (text.length < CHUNK_CHARS) continue;
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

/** Every cell is as it came, also one that is a formula: it is the person's own. */
function rowWriter({ columns, delimiter }: OriginalList) {
  const toQuote = new RegExp(`["\\r\\n${delimiter === '|' ? '\\|' : delimiter}]`);
  const quoted = (cell: string) => (toQuote.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return (row: Row, added: readonly string[]): string => {
    let text = '';
    for (let index = 0; index < Math.max(columns, row.length); index++)
      text += quoted(row[index] ?? '') + delimiter;
    return `${text}${added.join(delimiter)}\r\n`;
  };
}
