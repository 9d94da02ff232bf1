/** Finds out how a text is to be read: which format, which delimiter, and whether its first row is a header. */
import { setImmediate } from 'node:timers/promises';
import { DELIMITERS, type Delimiter, type ListEncoding, type ListLayout } from '../domain/list-summary.js';
import { hasAddress, looksLikeAddress } from './address.js';
import { firstRows } from './csv-rows.js';
import { hasHeader } from './header.js';
import { cellsOf, lastEntryEnd } from './text-rows.js';

/** Rows that are looked at. */
const ROWS = 500;
/** A character is a delimiter only if at least this share of the rows has the same number of cells. */
const MIN_CONSISTENCY = 0.7;
/** Text in quotes is a column of addresses if at least this share of its rows begins with an address. */
const MIN_SINGLE = 0.5;

/** Excel's own note of the delimiter, in a line before the first row. Some programs put it in quotes, as Excel allows. */
const DELIMITER_NOTE = /^("?)sep=([,;\t|])\1[^\S\n\r]*(?:\r\n|\n|\r|$)/i;

export const withoutDelimiterNote = (text: string): string => text.replace(DELIMITER_NOTE, '');

/** `sample`: the beginning of the text; `isWhole`: all of it. Each look at it is a turn of the event loop. */
export async function detectDialect(
  sample: string,
  isWhole: boolean,
  encoding: ListEncoding,
): Promise<ListLayout> {
  const noted = DELIMITER_NOTE.exec(sample)?.[2] as Delimiter | undefined;
  const text = untilLastLine(withoutDelimiterNote(sample), isWhole);
  const dialect =
    noted === undefined ? await bestDialect(text) : { delimiter: noted, rows: readableRows(text, noted) };
  const { delimiter, rows } = dialect;
  await setImmediate();
  const header = hasHeader(rows);
  const isCsv =
    noted !== undefined ||
    (delimiter === null ? header || isQuotedColumn(text, rows) : header || !isRunningText(text, dialect));
  const common = { encoding, sheet: null };
  return isCsv
    ? { ...common, format: 'csv', delimiter, header }
    : { ...common, format: 'text', delimiter: null, header: false };
}

/** A line that is cut off would count as another number of cells, and an entry as no address. */
function untilLastLine(text: string, isWhole: boolean): string {
  const end = isWhole ? 0 : lastEntryEnd(text, true);
  return end > 0 ? text.slice(0, end) : text;
}

const isBlank = (cell: string): boolean => cell.trim() === '';

const readableRows = (text: string, delimiter: Delimiter | null): string[][] =>
  firstRows(text, delimiter, ROWS).filter((row) => !row.every(isBlank));

interface Dialect {
  readonly delimiter: Delimiter | null;
  readonly rows: string[][];
}

/** The delimiter that makes the most addresses of the text, and rows of the same length. */
async function bestDialect(text: string): Promise<Dialect> {
  const found = [];
  for (const delimiter of DELIMITERS) {
    const rows = readableRows(text, delimiter);
    found.push({
      delimiter,
      rows,
      addresses: rows.flat().filter(hasAddress).length,
      consistency: consistencyOf(rows),
    });
    await setImmediate();
  }
  found.sort((a, b) => b.addresses - a.addresses || b.consistency - a.consistency);
  const consistent = found.find(({ consistency }) => consistency >= MIN_CONSISTENCY);
  if (consistent !== undefined && consistent.addresses > 0) return consistent;
  const column = { delimiter: null, rows: readableRows(text, null) };
  // Rows of any length are better than none with an address.
  const ragged = found.find(({ addresses, consistency }) => addresses > 0 && consistency > 0);
  return column.rows.flat().some(hasAddress) ? column : (ragged ?? consistent ?? column);
}

/** The share of the rows that have as many cells as most of them; 0: most have one. */
function consistencyOf(rows: readonly string[][]): number {
  const byLength = new Map<number, number>();
  for (const { length } of rows) byLength.set(length, (byLength.get(length) ?? 0) + 1);
  const [length, count] = [...byLength].sort(([, a], [, b]) => b - a)[0] ?? [1, 0];
  return length > 1 ? count / rows.length : 0;
}

/** A column in which each cell is one address, quoted or not. */
function isQuotedColumn(text: string, rows: readonly string[][]): boolean {
  if (!/^\s*"/.test(text)) return false;
  const single = rows.filter(([cell = '']) => looksLikeAddress(cell.trim())).length;
  // `"Lee, Ann" <ann@example.com>` keeps its quotes: it is no quoted cell.
  return single >= rows.length * MIN_SINGLE && /^[ \t]*"[^"\n]*"[ \t]*\r?$/m.test(text);
}

/** Whether there is nothing but addresses, with or without names: then they lie in no columns. */
function isRunningText(text: string, { delimiter, rows }: Dialect): boolean {
  const words = text.split(/[\s,;]+/u).filter((word) => word !== '');
  if (words.length > 0 && words.every(hasAddress)) return true;
  if (delimiter === '\t' || !text.includes('<')) return false;
  // `Lee;Ann <ann@example.com>` in each row is a table; two such entries in one row are none.
  const isTable = rows.length > 1 && rows.every((row) => row.filter(hasAddress).length < 2);
  return !isTable && cellsOf(text).every(hasAddress);
}
