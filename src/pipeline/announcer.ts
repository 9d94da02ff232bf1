/** Announces what is stored of a file before the file is read, so that a read shows every change that was answered before. */

import type { FileId } from '../domain/id.js';
import type { ChangeStore, FileStore } from '../store/store.js';
import type { ChangeGate } from './change-gate.js';
import type { Flusher } from './flusher.js';

/** A read of the outbox in progress, and the one that later callers share. */
interface OutboxReads {
  now: Promise<boolean>;
  next: Promise<boolean> | null;
}

export class Announcer {
  readonly #reads = new Map<FileId, OutboxReads>();

  /** `outbox`: has the changes that other gateways have stored; null: there are no other gateways. */
  constructor(
    private readonly flusher: Pick<Flusher, 'flushNow' | 'markChanged'>,
    private readonly outbox: Pick<ChangeStore, 'pending'> | null,
    private readonly files: Pick<FileStore, 'find'>,
    private readonly gate: ChangeGate,
  ) {}

  /** This gateway's new changes of the file wait until the returned function is called. */
  pauseChanges(fileId: FileId): () => void {
    return this.gate.pause(fileId);
  }

  /**
   * Answers whether there is such a file. What tells that tells also whether others have something pending. All who wait for
   * a file share one flush. A flush that fails is tried again later, and the read shows what was announced.
   */
  announce(fileId: FileId): Promise<boolean> {
    return this.outbox === null ? this.#announceOwn(fileId) : this.#share(fileId);
  }

  async #announceOwn(fileId: FileId): Promise<boolean> {
    await this.flusher.flushNow(fileId);
    return (await this.files.find(fileId)) !== null;
  }

  #share(fileId: FileId): Promise<boolean> {
    const reads = this.#reads.get(fileId);
    if (reads === undefined) {
      const now = this.#readOutbox(fileId).finally(() => this.#reads.delete(fileId));
      this.#reads.set(fileId, { now, next: null });
      return now;
    }
    // The read in progress may have begun before a change that this caller knows of.
    reads.next ??= reads.now.then(
      () => this.#share(fileId),
      () => this.#share(fileId),
    );
    return reads.next;
  }

  async #readOutbox(fileId: FileId): Promise<boolean> {
    await this.flusher.flushNow(fileId);
    const pending = await this.outbox?.pending(fileId);
    if (pending === undefined) return false;
    if (pending === null) return true;
    this.flusher.markChanged(fileId, pending);
    await this.flusher.flushNow(fileId);
    return true;
  }
}
