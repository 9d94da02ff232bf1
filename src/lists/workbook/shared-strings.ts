/** The texts that the cells of a workbook share. There may be a million: they are kept as bytes. */
import { InvalidInput } from '../../domain/invalid-input.js';
import { type ListLimits, tooLarge } from '../limits.js';
import type { Archive } from './archive.js';
import { readXml, unescaped } from './xml.js';

const BLOCK_BYTES = 1024 * 1024;
const MAX_BYTES_PER_UNIT = 3;
/** Of a text: where it stands, as three numbers. */
const OFFSET_BYTES = 12;

export class SharedStrings {
  readonly #blocks: Buffer[] = [];
  readonly #ends: number[] = [];
  #offsets = new Uint32Array(1024 * 3);
  #size = 0;
  #bytes = 0;

  /** In memory. */
  get bytes(): number {
    return this.#bytes + this.#size * OFFSET_BYTES;
  }

  add(text: string): void {
    const room = text.length * MAX_BYTES_PER_UNIT;
    let block = this.#blocks.at(-1);
    if (block === undefined || block.length - (this.#ends.at(-1) ?? 0) < room) {
      block = Buffer.allocUnsafe(Math.max(BLOCK_BYTES, room));
      this.#blocks.push(block);
      this.#ends.push(0);
    }
    const last = this.#blocks.length - 1;
    const start = this.#ends[last] ?? 0;
    const length = block.write(text, start);
    this.#ends[last] = start + length;
    this.#bytes += length;
    if ((this.#size + 1) * 3 > this.#offsets.length) {
      const offsets = new Uint32Array(this.#offsets.length * 2);
      offsets.set(this.#offsets);
      this.#offsets = offsets;
    }
    this.#offsets.set([last, start, length], this.#size++ * 3);
  }

  /** Empty: there is no such text. */
  at(index: number): string {
    if (!Number.isInteger(index) || index < 0 || index >= this.#size) return '';
    const [block = 0, start = 0, length = 0] = this.#offsets.subarray(index * 3, index * 3 + 3);
    return this.#blocks[block]?.toString('utf8', start, start + length) ?? '';
  }
}

/**
 * An item is a text, or runs of text that look different. How it is pronounced (`rPh`) is no part of it.
 * @throws InvalidInput where one is over the limit of a cell; Fault `payload_too_large` where all are more than may be kept
 */
export async function readSharedStrings(
  archive: Archive,
  part: string,
  { MAX_LIST_CELL, MAX_SHARED_BYTES }: ListLimits,
): Promise<SharedStrings> {
  const strings = new SharedStrings();
  let text = '';
  let isText = false;
  let isPhonetic = false;
  const handler = {
    open(name: string) {
      if (name === 'si') text = '';
      else if (name === 't') isText = !isPhonetic;
      else if (name === 'rPh') isPhonetic = true;
    },
    close(name: string) {
      if (name === 't') isText = false;
      else if (name === 'rPh') isPhonetic = false;
      else if (name === 'si') strings.add(unescaped(text));
      if (strings.bytes > MAX_SHARED_BYTES)
        throw tooLarge('MAX_SHARED_BYTES', MAX_SHARED_BYTES, 'its cells share too many texts');
    },
    text(part: string) {
      if (isText) text += part;
      if (text.length <= MAX_LIST_CELL) return;
      const message = `a cell of the workbook is too long; MAX_LIST_CELL allows ${MAX_LIST_CELL} characters`;
      throw new InvalidInput([{ field: 'rows', message }]);
    },
  };
  for await (const _ of readXml(archive.read(part), handler));
  return strings;
}
