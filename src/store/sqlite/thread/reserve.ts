/** Room on the disk that is given up so that deleting works when the rest is full. */

import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { roomIn } from '../refusals.js';

const FILE = 'verigate.reserve';
/** A small disk is not filled by its reserve. */
const MAX_SHARE = 1 / 4;
/** Room that has to be free beside the whole reserve, as a share of it, before the disk counts as not full any more. */
const MARGIN = 3 / 4;
const BLOCK = 64 * 1024;

/**
 * Its size: SQLite's log (4 MiB), which can be shortened once the database file has grown by as much, and the steps of a
 * deletion. The disk counts as full when less than half of the reserve's size is free, or after a write found no room. It no
 * longer does once the reserve is there again, and three quarters of its size are free besides: then updates do not fill the
 * disk again at once.
 */
export class DiskReserve {
  readonly #path: string;
  readonly #bytes: number;
  #isFull = false;

  /** `bytes`: 0 keeps none. The directory exists. */
  constructor(
    private readonly directory: string,
    bytes: number,
  ) {
    const { blocks, bsize } = statfsSync(directory);
    this.#bytes = Math.floor(Math.min(bytes, blocks * bsize * MAX_SHARE) / BLOCK) * BLOCK;
    this.#path = join(directory, FILE);
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Looks at the disk, and makes the reserve where it is missing and has room. */
  check(): void {
    if (this.#isFull) {
      this.#isFull = roomIn(this.directory) < this.#missing + this.#bytes * MARGIN || !this.#make();
      return;
    }
    if (roomIn(this.directory) < this.#bytes / 2) this.#isFull = true;
    else if (this.#missing > 0 && roomIn(this.directory) >= 2 * this.#bytes) this.#make();
  }

  /** A write has found no room. */
  markFull(): void {
    this.#isFull = true;
  }

  /** Gives its room up for deletions, until there is room again. */
  giveUp(): void {
    this.markFull();
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // The directory is gone or may not be written to, which the next write says.
    }
  }

  /** Bytes by which the file is smaller than it has to be. */
  get #missing(): number {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    return Math.max(0, this.#bytes - size);
  }

  /** False: there is no room for it. */
  #make(): boolean {
    if (this.#missing === 0) return true;
    try {
      const file = openSync(this.#path, 'w', 0o600);
      try {
        // Random, because some file systems store nothing for zeros.
        const block = randomFillSync(Buffer.alloc(BLOCK));
        for (let written = 0; written < this.#bytes; written += BLOCK) writeSync(file, block);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      return true;
    } catch {
      rmSync(this.#path, { force: true });
      return false;
    }
  }
}
