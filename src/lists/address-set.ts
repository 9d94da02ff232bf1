/**
 * A set of texts for counting repeats among a million: exact, outside of the heap that the garbage collector walks through, and no larger
 * for long texts, of which a list may have gigabytes.
 */
import { createHash, randomBytes } from 'node:crypto';

const BLOCK_BYTES = 1024 * 1024;
const FIRST_CAPACITY = 1024;
/** A UTF-16 unit takes at most three bytes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;
/** Of longer texts the SHA-256 is kept, which in hexadecimal is one character longer than any text that is kept. */
const MAX_KEPT = 63;
/** Ends a text: no UTF-8 has this byte. */
const END = 0xff;

/** Texts lie as UTF-8 in blocks; a table with open addressing finds them by a hash that no caller can predict. */
export class AddressSet {
  readonly #blocks: Buffer[] = [];
  #end = BLOCK_BYTES;
  #size = 0;
  readonly #seed = randomBytes(4).readUInt32LE();
  /** By entry. */
  #hashes = new Uint32Array(FIRST_CAPACITY / 2);
  /** By entry: where it starts if the blocks lay one behind the other. Each starts in the first `BLOCK_BYTES` of its block. */
  #starts = new Uint32Array(FIRST_CAPACITY / 2);
  /** By slot: its entry plus one; 0: the slot is free. */
  #slots = new Uint32Array(FIRST_CAPACITY);

  get size(): number {
    return this.#size;
  }

  /** False: the text was in the set already. */
  add(text: string): boolean {
    const sizeBefore = this.#size;
    this.addOrFind(text);
    return this.#size > sizeBefore;
  }

  /** The number of a text, which is added where it is new. Texts are numbered from 0 on. */
  addOrFind(text: string): number {
    const { hash, slot, number, length } = this.#lookUp(text);
    if (number !== null) return number;
    this.#hashes[this.#size] = hash;
    this.#starts[this.#size] = (this.#blocks.length - 1) * BLOCK_BYTES + this.#end;
    this.#slots[slot] = ++this.#size;
    this.#end += length;
    if (this.#size === this.#hashes.length) this.#grow();
    return this.#size - 1;
  }

  /** The number of a text; null: it is not in the set. */
  find(text: string): number | null {
    return this.#lookUp(text).number;
  }

  /** Writes the text behind the last entry, where it stays if it is added. */
  #lookUp(given: string) {
    const text = given.length > MAX_KEPT ? createHash('sha256').update(given).digest('hex') : given;
    const block = this.#roomFor(text.length * MAX_BYTES_PER_UNIT + 1);
    const length = block.write(text, this.#end) + 1;
    block[this.#end + length - 1] = END;
    const hash = this.#hashOf(block, this.#end, length);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]; entry; entry = this.#slots[slot]) {
      if (this.#hashes[entry - 1] === hash && this.#isEntry(entry - 1, block, length))
        return { hash, slot, number: entry - 1, length };
      slot = (slot + 1) & mask;
    }
    return { hash, slot, number: null, length };
  }

  #roomFor(bytes: number): Buffer {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#end < BLOCK_BYTES && last.length - this.#end >= bytes) return last;
    const block = Buffer.allocUnsafe(Math.max(BLOCK_BYTES, bytes));
    this.#blocks.push(block);
    this.#end = 0;
    return block;
  }

  #hashOf(block: Buffer, start: number, length: number): number {
    let hash = this.#seed;
    for (let at = start; at < start + length; at++) {
      hash = Math.imul(hash ^ (block[at] as number), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }

  /** Whether the text that was written behind the last entry is this entry. */
  #isEntry(entry: number, block: Buffer, length: number): boolean {
    const at = this.#starts[entry] as number;
    const start = at % BLOCK_BYTES;
    const known = this.#blocks[Math.floor(at / BLOCK_BYTES)]?.subarray(start, start + length);
    return known?.equals(block.subarray(this.#end, this.#end + length)) === true;
  }

  #grow(): void {
    const hashes = new Uint32Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    const starts = new Uint32Array(this.#starts.length * 2);
    starts.set(this.#starts);
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      let slot = (hashes[entry] as number) & mask;
      while (slots[slot]) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#hashes = hashes;
    this.#starts = starts;
    this.#slots = slots;
  }
}
