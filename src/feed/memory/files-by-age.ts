/** Files in the order of their last changes, the oldest first, with what is counted for each. */
import type { FileId } from '../../domain/id.js';

export class FilesByAge {
  readonly #bytesOf = new Map<FileId, number>();
  #bytes = 0;

  get size(): number {
    return this.#bytesOf.size;
  }

  /** What is counted for all of them together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Puts the file last. */
  add(fileId: FileId, bytes: number): void {
    this.delete(fileId);
    this.#bytesOf.set(fileId, bytes);
    this.#bytes += bytes;
  }

  delete(fileId: FileId): void {
    this.#bytes -= this.#bytesOf.get(fileId) ?? 0;
    this.#bytesOf.delete(fileId);
  }

  [Symbol.iterator](): Iterator<FileId> {
    return this.#bytesOf.keys();
  }
}
