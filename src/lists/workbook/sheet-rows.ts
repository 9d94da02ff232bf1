/** The rows of a sheet, as texts, read while it is unpacked. */
import type { ByteSource } from '../byte-source.js';
import { cellTooLong, checkColumns, checkUnpacked, type ListLimits, rowTooLong } from '../limits.js';
import { Archive } from './archive.js';
import { isoDate } from './dates.js';
import { readSharedStrings, SharedStrings } from './shared-strings.js';
import { readWorkbook, type Workbook } from './workbook.js';
import { readXml, unescaped, type XmlHandler } from './xml.js';

/** A workbook that is open for reading: its shared texts are read once, whichever sheets are. */
interface OpenWorkbook {
  /** The parts of the sheets, in the order in which addresses are looked for. */
  readonly sheets: readonly string[];
  /** What its shared texts take in memory. */
  readonly sharedBytes: number;
  /** Rows without a cell do not count. @throws InvalidInput where a row or a cell is over a limit */
  rows(sheet: string): AsyncGenerator<string[][]>;
}

/** @throws Fault `unsupported_list`; `payload_too_large` where it unpacks to too much */
export async function openWorkbook(source: ByteSource, limits: ListLimits): Promise<OpenWorkbook> {
  const archive = await Archive.open(source, limits);
  const workbook = await readWorkbook(archive);
  const { sharedStrings } = workbook;
  const strings =
    sharedStrings === null ? new SharedStrings() : await readSharedStrings(archive, sharedStrings, limits);
  async function* rows(sheet: string) {
    const reader = new SheetReader(workbook, strings, source.size, limits);
    for await (const _ of readXml(archive.read(sheet), reader)) {
      const some = reader.taken();
      if (some.length > 0) yield some;
    }
  }
  return { sheets: workbook.sheets, sharedBytes: strings.bytes, rows };
}

export async function* sheetRows(
  source: ByteSource,
  sheet: string,
  limits: ListLimits,
): AsyncGenerator<string[][]> {
  yield* (await openWorkbook(source, limits)).rows(sheet);
}

/** Collects the cells of the rows. Cells that are not there are empty. */
class SheetReader implements XmlHandler {
  #rows: string[][] = [];
  #read = 0;
  #row: string[] = [];
  #rowCharacters = 0;
  #column = -1;
  #type = '';
  #style = 0;
  #text = '';
  #isText = false;
  #isPhonetic = false;
  /** Characters of the shared texts that its cells have shown, and cells that were left out. */
  #shown = 0;

  constructor(
    private readonly workbook: Workbook,
    private readonly strings: SharedStrings,
    /** Bytes of the whole workbook. */
    private readonly size: number,
    private readonly limits: ListLimits,
  ) {}

  taken(): string[][] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  open(name: string, { r, t, s }: Readonly<Record<string, string>>): void {
    if (name === 'row') {
      this.#row = [];
      this.#rowCharacters = 0;
      this.#column = -1;
    } else if (name === 'c') {
      this.#column = r === undefined ? this.#column + 1 : columnOf(r);
      this.#type = t ?? 'n';
      this.#style = Number(s ?? 0);
      this.#text = '';
    } else if (name === 'rPh') this.#isPhonetic = true;
    else if (name === 'v' || name === 't') this.#isText = !this.#isPhonetic;
  }

  close(name: string): void {
    if (name === 'v' || name === 't') this.#isText = false;
    else if (name === 'rPh') this.#isPhonetic = false;
    else if (name === 'c') this.#endCell();
    else if (name === 'row') this.#endRow();
  }

  text(part: string): void {
    if (!this.#isText) return;
    this.#text += part;
    if (this.#text.length > this.limits.MAX_LIST_CELL)
      throw cellTooLong(this.#read, this.#column, this.limits);
  }

  #endCell(): void {
    const text = this.#textOfCell();
    // Cells that are only formatted reach far to the right.
    if (text === '') return;
    checkColumns(this.#column + 1, this.#read, this.limits);
    this.#rowCharacters += text.length;
    if (this.#rowCharacters > this.limits.MAX_LIST_ROW) throw rowTooLong(this.#read, this.limits);
    this.#show(Math.max(0, this.#column - this.#row.length));
    while (this.#row.length < this.#column) this.#row.push('');
    this.#row[this.#column] = text;
  }

  #endRow(): void {
    if (this.#row.length === 0) return;
    this.#rows.push(this.#row);
    this.#read++;
  }

  /**
   * A cell of a few bytes may show a long text, or stand behind a thousand that were left out, so that a small workbook could
   * have terabytes of them.
   */
  #show(more: number): void {
    this.#shown += more;
    checkUnpacked(
      this.size,
      this.#shown,
      this.limits,
      `its rows have ${this.#shown} cells and characters or more`,
    );
  }

  #sharedText(index: number): string {
    const text = this.strings.at(index);
    this.#show(text.length);
    return text;
  }

  /** What the cell shows. */
  #textOfCell(): string {
    const text = this.#text;
    if (this.#type === 's') return this.#sharedText(Number(text));
    if (this.#type === 'b') return text === '1' ? 'TRUE' : 'FALSE';
    if (this.#type === 'd') return text.replace('T', ' ').replace(/ 00:00:00(\.0+)?$/, '');
    if (this.#type !== 'n' || text === '') return unescaped(text);
    const value = Number(text);
    if (!Number.isFinite(value)) return text;
    const { dateStyles, is1904 } = this.workbook;
    const date = dateStyles[this.#style] ? isoDate(value, is1904) : null;
    // Excel shows 15 digits: the file says 0.30000000000000004 where a person sees 0.3.
    return date ?? String(Number.isSafeInteger(value) ? value : Number(value.toPrecision(15)));
  }
}

/** `C7` is in column 2. */
function columnOf(reference: string): number {
  let column = 0;
  for (const char of (/^[A-Za-z]{1,6}/.exec(reference)?.[0] ?? '').toUpperCase())
    column = column * 26 + char.charCodeAt(0) - 64;
  return column - 1;
}
