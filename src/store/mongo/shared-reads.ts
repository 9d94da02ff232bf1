/** Reads of files that many updates need at once: those that ask before a read begins share it. */

import type { FileId } from '../../domain/id.js';
import type { FileDoc } from './documents.js';
import { findFile } from './generations.js';
import type { Models } from './models.js';

interface Reads {
  now: Promise<FileDoc | null>;
  next: Promise<FileDoc | null> | null;
}

export class SharedFileReads {
  readonly #files = new Map<FileId, Reads>();

  /** The file as it is now or later: a read that is under way may be older than what its caller knows of. */
  find(db: Models, fileId: FileId): Promise<FileDoc | null> {
    const reads = this.#files.get(fileId);
    if (reads === undefined) {
      const now = findFile(db, fileId).finally(() => this.#files.delete(fileId));
      this.#files.set(fileId, { now, next: null });
      return now;
    }
    reads.next ??= reads.now.then(
      () => this.find(db, fileId),
      () => this.find(db, fileId),
    );
    return reads.next;
  }
}
