/** The parts of a workbook: an .xlsx file is a ZIP archive of XML files. */
import { Readable } from 'node:stream';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { Fault } from '../../errors.js';
import type { ByteSource } from '../byte-source.js';
import { checkUnpacked, type ListLimits } from '../limits.js';
import { unsupported } from '../recognize.js';

/** A workbook has a few dozen parts; an archive may have millions. */
const MAX_PARTS = 10_000;
/** Bytes of the names, comments and extra fields of all parts together: the library makes up to 50 times as much of them. */
const MAX_CONTENTS_BYTES = 2 ** 20;

/** Reads ranges of the bytes of a list. */
class SourceReader extends RandomAccessReader {
  /** The piece that was read last. The table of contents is read some bytes at a time, and each piece is a look-up of the store. */
  #window: { readonly start: number; readonly bytes: Uint8Array } = { start: 0, bytes: new Uint8Array() };

  constructor(private readonly source: ByteSource) {
    super();
  }

  override read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#copy(target.subarray(offset, offset + length), position).then(() => callback(null), callback);
  }

  async #copy(target: Buffer, position: number): Promise<void> {
    for (let copied = 0; copied < target.length; ) {
      const bytes = await this.#from(position + copied);
      target.set(bytes.subarray(0, target.length - copied), copied);
      copied += Math.min(bytes.length, target.length - copied);
    }
  }

  async #from(position: number): Promise<Uint8Array> {
    const { start, bytes } = this.#window;
    if (position >= start && position < start + bytes.length) return bytes.subarray(position - start);
    for await (const piece of this.source.read(position)) {
      this.#window = { start: position, bytes: piece };
      return piece;
    }
    throw unsupported('a workbook that ends early');
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(rangeOf(this.source, start, end), { objectMode: false });
  }
}

async function* rangeOf(source: ByteSource, start: number, end: number): AsyncGenerator<Uint8Array> {
  let left = end - start;
  if (left <= 0) return;
  for await (const bytes of source.read(start)) {
    yield bytes.subarray(0, left);
    left -= bytes.length;
    if (left <= 0) return;
  }
}

export class Archive {
  private constructor(
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** @throws Fault `unsupported_list` where it is damaged or has too many parts; `payload_too_large` */
  static async open(source: ByteSource, limits: ListLimits): Promise<Archive> {
    try {
      const zip = await fromRandomAccessReaderPromise(new SourceReader(source), source.size, {
        lazyEntries: true,
        autoClose: false,
      });
      if (zip.entryCount > MAX_PARTS) throw unsupported('an archive with so many parts');
      const entries = new Map<string, Entry>();
      let unpacked = 0;
      let contents = 0;
      for await (const entry of zip.eachEntry()) {
        contents += entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
        if (contents > MAX_CONTENTS_BYTES) throw unsupported('an archive with such long names or comments');
        entries.set(entry.fileName, entry);
        unpacked += entry.uncompressedSize;
      }
      checkUnpacked(source.size, unpacked, limits, `it unpacks to ${unpacked} bytes`);
      return new Archive(zip, entries);
    } catch (error) {
      throw asDamaged(error);
    }
  }

  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /**
   * The bytes of a part, unpacked; none: there is no such part. The archive says how large each part is: one that unpacks to
   * more than that is damaged, and not read on.
   */
  async *read(name: string): AsyncGenerator<Buffer> {
    const entry = this.entries.get(name);
    if (entry === undefined) return;
    if (entry.isEncrypted()) throw unsupported('a workbook with a password');
    try {
      const stream = await this.zip.openReadStreamPromise(entry);
      for await (const bytes of stream) yield bytes as Buffer;
    } catch (error) {
      throw asDamaged(error);
    }
  }
}

/** Errors of the store, and our own, are passed on; those of the archive's library and of zlib mean damage. */
const asDamaged = (error: unknown): unknown =>
  error instanceof Fault ? error : unsupported('a damaged workbook or archive');
