/** Turns results into the text of an export. */
import { type PlacedResult, placedJson } from '../../domain/result.js';
import { WorkTime } from '../../portions.js';
import {
  COLUMNS,
  CSV_HEADER,
  csvRow,
  csvRowInPortions,
  plainRow,
  plainRowInPortions,
  valuesOf,
} from './csv.js';
import { SheetRows, XLSX_TYPE } from './xlsx.js';

interface Encoding {
  /** The text before the first row. */
  readonly head: string;
  readonly row: (result: PlacedResult) => string;
  /** The same of a large result, where making it in one go would take long. */
  readonly rowInPortions?: (result: PlacedResult) => Iterable<string>;
}

export const CONTENT_TYPES = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
  xlsx: XLSX_TYPE,
} as const;

interface EncodingOptions {
  readonly format: keyof typeof CONTENT_TYPES;
  /** A byte order mark, by which Excel knows UTF-8. */
  readonly bom: boolean;
  /** `none`: cells are not escaped for spreadsheets. A workbook needs no escape. */
  readonly escape: 'formulas' | 'none';
}

export const BOM = '\ufeff';

export function encodingOf({ format, bom, escape: escaped }: EncodingOptions): Encoding {
  if (format === 'ndjson') return { head: '', row: (result) => `${placedJson(result)}\n` };
  if (format === 'xlsx') {
    const { write } = new SheetRows();
    return { head: write(COLUMNS), row: (result) => write(valuesOf(result)) };
  }
  const head = bom ? `${BOM}${CSV_HEADER}` : CSV_HEADER;
  return escaped === 'none'
    ? { head, row: plainRow, rowInPortions: plainRowInPortions }
    : { head, row: csvRow, rowInPortions: csvRowInPortions };
}

const CHUNK_CHARS = 64 * 1024;

/** The rows as text, in pieces that are made only when the stream asks for them. */
export async function* encodeRows(
  slices: AsyncIterable<readonly PlacedResult[]>,
  encoding: Encoding,
): AsyncGenerator<string, void, void> {
  let text = encoding.head;
  const time = new WorkTime();
  for await (const slice of slices) {
    for (const portion of rowPortions(slice, encoding)) {
      text += portion;
      // A result has thousands of values, of which a row shows few.
      if (time.isUp) await time.giveTurn();
      if (text.length < CHUNK_CHARS) continue;
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

function* rowPortions(
  slice: readonly PlacedResult[],
  { row, rowInPortions }: Encoding,
): Generator<string, void, void> {
  for (const result of slice) {
    if (rowInPortions !== undefined && result.json.length > CHUNK_CHARS) yield* rowInPortions(result);
    else yield row(result);
  }
}
