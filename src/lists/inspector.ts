/** Looks at the bytes of an upload as they arrive, so that what is no list is refused at once; then finds its layout. */
import { setImmediate } from 'node:timers/promises';
import type { ListEncoding, ListLayout } from '../domain/list-summary.js';
import { addressIn, looksLikeAddress } from './address.js';
import type { ByteSource } from './byte-source.js';
import { detectDialect } from './dialect.js';
import { decoderOf, encodingByHead, Utf8Check } from './encoding.js';
import { hasHeader } from './header.js';
import { type ListLimits, noAddresses } from './limits.js';
import { refuseControlCharacters, refuseKnownBinary, unsupported, ZIP_SIGNATURE } from './recognize.js';
import { openWorkbook } from './workbook/sheet-rows.js';

/** The beginning of a text that its layout is read from. */
const HEAD_BYTES = 64 * 1024;
/** Enough to know what it is; a client that sends its first bytes slowly must not be able to hide it. */
const FIRST_BYTES = 4096;
/** Rows of a sheet that its header is told by. */
const ROWS_FOR_HEADER = 500;

export class ListInspector {
  #head: Buffer = Buffer.alloc(0);
  #size = 0;
  #isKnown = false;
  readonly #utf8 = new Utf8Check();

  constructor(private readonly limits: ListLimits) {}

  /** @throws Fault `unsupported_list` */
  add(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#head.length < HEAD_BYTES)
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES - this.#head.length)]);
    if (!this.#isKnown && this.#head.length >= FIRST_BYTES) this.#know();
    if (this.#isWorkbook) return;
    this.#utf8.add(bytes);
    if (bytes.includes(0) && encodingByHead(this.#head) === null) throw unsupported('a binary file');
  }

  #know(): void {
    this.#isKnown = true;
    refuseKnownBinary(this.#head);
    if (!this.#isWorkbook) refuseControlCharacters(this.#textOfHead('windows-1252', FIRST_BYTES));
  }

  get #isWorkbook(): boolean {
    return this.#head.subarray(0, 4).toString('latin1') === ZIP_SIGNATURE;
  }

  /** @throws Fault `unsupported_list`, `no_addresses` */
  async layoutOf(source: ByteSource): Promise<ListLayout> {
    if (!this.#isKnown) this.#know();
    if (this.#isWorkbook) return this.#workbookLayout(source);
    const encoding = encodingByHead(this.#head) ?? (this.#utf8.end() ? 'utf-8' : 'windows-1252');
    const text = this.#textOfHead(encoding, HEAD_BYTES);
    refuseControlCharacters(text);
    return detectDialect(text, this.#size <= HEAD_BYTES, encoding);
  }

  #textOfHead(encoding: ListEncoding, bytes: number): string {
    const known = encodingByHead(this.#head) ?? encoding;
    return decoderOf(known)(this.#head.subarray(0, bytes), false);
  }

  /** The layout of the first sheet that has addresses. */
  async #workbookLayout(source: ByteSource): Promise<ListLayout> {
    const workbook = await openWorkbook(source, this.limits);
    for (const sheet of workbook.sheets) {
      const first = await firstRowsWithAddress(workbook.rows(sheet));
      if (first !== null)
        return { format: 'xlsx', encoding: 'utf-8', delimiter: null, header: hasHeader(first), sheet };
    }
    throw noAddresses();
  }
}

/** Null: the rows have no address. */
async function firstRowsWithAddress(batches: AsyncIterable<string[][]>): Promise<string[][] | null> {
  const first: string[][] = [];
  for await (const batch of batches) {
    if (first.length < ROWS_FOR_HEADER) first.push(...batch.slice(0, ROWS_FOR_HEADER - first.length));
    if (batch.some((row) => row.some((cell) => looksLikeAddress(addressIn(cell))))) return first;
    await setImmediate();
  }
  return null;
}
