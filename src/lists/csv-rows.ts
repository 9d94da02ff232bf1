/** Rows of CSV, read in pieces and with as much forgiveness as spreadsheets have. */
import { CsvError, type Options, Parser } from 'csv-parse';
import { parse as parseAtOnce } from 'csv-parse/sync';
import type { Delimiter } from '../domain/list-summary.js';
import { checkColumns, type ListLimits, quoteNotClosed, rowTooLong } from './limits.js';

/** Where there is one column only: a character that no text has. */
const NO_DELIMITER = '\0';

const optionsOf = (delimiter: Delimiter | null): Options => ({
  delimiter: delimiter ?? NO_DELIMITER,
  // Files that were put together have different line ends.
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true,
  // `"Lee, Ann" <ann@example.com>` begins with a quote and is no quoted cell.
  relax_quotes: true,
  skip_empty_lines: true,
});

/** The rows of a text, some at a time. @throws InvalidInput naming the row that cannot be read */
export async function* csvRows(
  text: AsyncIterable<string>,
  delimiter: Delimiter | null,
  limits: ListLimits,
): AsyncGenerator<string[][]> {
  const parser = new RowParser({ ...optionsOf(delimiter), max_record_size: limits.MAX_LIST_ROW });
  // The callbacks have the error; an `error` event without a listener would end the process.
  parser.on('error', () => undefined);
  const settled = (act: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
  try {
    for await (const piece of text) {
      await settled((done) => parser.write(piece, done));
      yield parser.taken();
      // The parser bounds the characters of a row, and keeps empty cells without end.
      checkColumns(parser.openCells, parser.info.records, limits);
    }
    await settled((done) => parser.end(done));
    yield parser.taken();
  } catch (error) {
    throw explained(error, limits);
  } finally {
    parser.destroy();
  }
}

/** Keeps the rows where they are made: handed on one by one through the stream, they would cost much more. */
class RowParser extends Parser {
  /** Of csv-parse, which does not declare it: the cells of the row that has not ended. */
  declare readonly state: { readonly record: readonly string[] };
  #rows: string[][] = [];

  get openCells(): number {
    return this.state.record.length;
  }

  override push(row: unknown): boolean {
    if (row === null) return super.push(null);
    this.#rows.push(row as string[]);
    return true;
  }

  taken(): string[][] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }
}

function explained(error: unknown, limits: ListLimits): unknown {
  if (!(error instanceof CsvError)) return error;
  const row = Number(error.records ?? 0);
  if (error.code === 'CSV_MAX_RECORD_SIZE') return rowTooLong(row, limits);
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return quoteNotClosed(row);
  return error;
}

/** The first rows of a text that may be cut off anywhere. */
export function firstRows(text: string, delimiter: Delimiter | null, count: number): string[][] {
  const rows: string[][] = [];
  try {
    parseAtOnce(text, {
      ...optionsOf(delimiter),
      to: count,
      on_record: (row: string[]) => {
        rows.push(row);
        return null;
      },
    });
  } catch (error) {
    // The text ends within quotes: what is before them counts.
    if (!(error instanceof CsvError)) throw error;
  }
  return rows;
}
