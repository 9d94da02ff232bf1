/** Looks at the bytes of an upload as they arrive, so that what is no list is refused at once; then finds its layout. */
import type { ListEncoding, ListLayout } from '../domain/list-summary.js';
import { detectDialect } from './dialect.js';
import { decoderOf, encodingByHead, Utf8Check } from './encoding.js';
import { refuseControlCharacters, refuseKnownBinary, unsupported, ZIP_SIGNATURE } from './recognize.js';

/** The beginning of a text that its layout is read from. */
const HEAD_BYTES = 64 * 1024;
/** Enough to know what it is; a client that sends its first bytes slowly must not be able to hide it. */
const FIRST_BYTES = 4096;

export class ListInspector {
  #head: Buffer = Buffer.alloc(0);
  #size = 0;
  #isKnown = false;
  readonly #utf8 = new Utf8Check();

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

  /** How the list is to be read. Only for a workbook, `workbookLayout` is called to find out. @throws Fault `unsupported_list`, `no_addresses` */
  async layout(workbookLayout: () => Promise<ListLayout>): Promise<ListLayout> {
    if (!this.#isKnown) this.#know();
    if (this.#isWorkbook) return workbookLayout();
    const encoding = encodingByHead(this.#head) ?? (this.#utf8.end() ? 'utf-8' : 'windows-1252');
    const text = this.#textOfHead(encoding, HEAD_BYTES);
    refuseControlCharacters(text);
    return detectDialect(text, this.#size <= HEAD_BYTES, encoding);
  }

  #textOfHead(encoding: ListEncoding, bytes: number): string {
    const known = encodingByHead(this.#head) ?? encoding;
    return decoderOf(known)(this.#head.subarray(0, bytes), false);
  }
}
