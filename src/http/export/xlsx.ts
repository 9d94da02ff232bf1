/**
 * Rows as an Excel workbook: five parts of XML in a ZIP archive, of which the sheet is written while its rows are read. Every text is
 * an inline string, which no spreadsheet runs as a formula.
 */
import { PassThrough, Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { InvalidInput } from '../../domain/invalid-input.js';

/** What a sheet can have, the header among them. */
const MAX_SHEET_ROWS = 1_048_576;
const MAX_SHEET_COLUMNS = 16_384;
/** Excel repairs a workbook with a longer text, which loses it; so it is cut here. */
const MAX_CELL_CHARACTERS = 32_767;
/** A part of this size would need a format of archive that older programs do not read. */
const MAX_SHEET_BYTES = 0xffff_ffff;
/** The sheet repeats itself: more work makes it hardly smaller. */
const COMPRESSION = 3;
const PIECE_BYTES = 64 * 1024;

export const XLSX_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const SHEET = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const typeOf = (part: string) => `application/vnd.openxmlformats-officedocument.spreadsheetml.${part}+xml`;
const relationship = (type: string, target: string) =>
  `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="r1" Type="${OFFICE}/${type}" Target="${target}"/></Relationships>`;

const PARTS: Readonly<Record<string, string>> = {
  '[Content_Types].xml': `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${typeOf('sheet.main')}"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${typeOf('worksheet')}"/></Types>`,
  '_rels/.rels': relationship('officeDocument', 'xl/workbook.xml'),
  'xl/workbook.xml': `<workbook xmlns="${SHEET}" xmlns:r="${OFFICE}"><sheets><sheet name="Verigate" sheetId="1" r:id="r1"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': relationship('worksheet', 'worksheets/sheet1.xml'),
};

/** @throws InvalidInput where so many rows, the header among them, do not fit into a sheet */
export function checkSheet(rows: number, columns: number): void {
  if (rows <= MAX_SHEET_ROWS && columns <= MAX_SHEET_COLUMNS) return;
  const size = `${rows} rows of ${columns} cells`;
  const message = `xlsx has room for ${MAX_SHEET_ROWS} rows of ${MAX_SHEET_COLUMNS} cells, and these are ${size}; use csv`;
  throw new InvalidInput([{ field: 'format', message }]);
}

/** Numbers the rows, and writes each as XML. */
export class SheetRows {
  #row = 0;
  readonly #columns: string[] = [];

  readonly write = (cells: readonly unknown[]): string => {
    const row = ++this.#row;
    // A file may have grown since it was checked.
    if (row > MAX_SHEET_ROWS) throw new Error('there are more rows than a sheet can have');
    let text = `<row r="${row}">`;
    for (let index = 0; index < cells.length; index++)
      text += cellOf(`${this.#column(index)}${row}`, cells[index]);
    return `${text}</row>`;
  };

  #column(index: number): string {
    this.#columns[index] ??= columnName(index);
    return this.#columns[index];
  }
}

/** `A` to `Z`, then `AA`. */
const columnName = (index: number): string =>
  (index < 26 ? '' : columnName(Math.floor(index / 26) - 1)) + String.fromCharCode(65 + (index % 26));

function cellOf(reference: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '';
  if (typeof value === 'number' && Number.isFinite(value)) return `<c r="${reference}"><v>${value}</v></c>`;
  if (typeof value === 'boolean') return `<c r="${reference}" t="b"><v>${Number(value)}</v></c>`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `<c r="${reference}" t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`;
}

/** Most texts: nothing has to be escaped. */
const PLAIN = /^[\w @.,:;/+-]*$/;
/** What XML cannot have or would change, and what would be read as the escape for that (ST_Xstring of ECMA-376). */
const TO_ESCAPE = /(?![\t\n\u0080-\u009f])\p{Cc}|[\ufffe\uffff]|_(?=x[0-9a-f]{4}_)/giu;

function escaped(text: string): string {
  const isShort = text.length <= MAX_CELL_CHARACTERS;
  if (isShort && PLAIN.test(text) && !text.includes('_x')) return text;
  return (isShort ? text : text.slice(0, MAX_CELL_CHARACTERS))
    .toWellFormed()
    .replace(TO_ESCAPE, (char) => `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** `rows`: the XML of rows, in pieces. The bytes of the workbook are made at the pace at which they are read. */
export async function* asWorkbook(
  rows: AsyncGenerator<string, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  // Before the first byte: until then a failure can be answered with an error.
  const first = await rows.next();
  const sheet = Readable.from(sheetXml(first.done ? '' : first.value, rows), {
    objectMode: false,
    highWaterMark: PIECE_BYTES,
  });
  const zip = new ZipFile();
  const output = new PassThrough();
  zip.outputStream.pipe(output);
  sheet.on('error', (error) => output.destroy(error));
  zip.on('error', (error) => output.destroy(error as Error));
  for (const [name, xml] of Object.entries(PARTS)) zip.addBuffer(Buffer.from(DECLARATION + xml), name);
  zip.addReadStream(sheet, 'xl/worksheets/sheet1.xml', { compressionLevel: COMPRESSION });
  zip.end();
  try {
    yield* output as AsyncIterable<Uint8Array>;
  } finally {
    sheet.destroy();
    await rows.return();
  }
}

async function* sheetXml(first: string, rows: AsyncGenerator<string, void, void>): AsyncGenerator<string> {
  let left = MAX_SHEET_BYTES;
  yield `${DECLARATION}<worksheet xmlns="${SHEET}"><sheetData>${first}`;
  for await (const text of rows) {
    left -= Buffer.byteLength(text);
    if (left < PIECE_BYTES) throw new Error('the sheet is larger than a part of an archive can be');
    yield text;
  }
  yield '</sheetData></worksheet>';
}
