/** Announces what is stored of a file before the file is read, so that a read shows every change that was answered before. */

import type { FileId } from '../domain/id.js';
import type { ChangeStore } from '../store/store.js';
import type { ChangeGate } from './change-gate.js';
import type { Flusher } from './flusher.js';

/** A read of the outbox in progress, and the one that later callers share. */
interface OutboxReads {
  now: Promise<void>;
  next: Promise<void> | null;
}

export class Announcer {
  readonly #reads = new Map<FileId, OutboxReads>();

  /** `outbox`: has the changes that other gateways have stored; null: there are no other gateways. */
  constructor(
    private readonly flusher: Pick<Flusher, 'flushNow' | 'markChanged'>,
    private readonly outbox: Pick<ChangeStore, 'pending'> | null,
    private readonly gate: ChangeGate,
  ) {}

  /** This gateway's new changes of the file wait until the returned function is called. */
  pauseChanges(fileId: FileId): () => void {
    return this.gate.pause(fileId);
  }

  /**
   * Costs nothing where nothing is pending at this gateway, and one indexed read where others may have something. All who
   * wait for a file share one flush. A flush that fails is tried again later, and the read shows what was announced.
   */
  announce(fileId: FileId): Promise<void> {
    return this.outbox === null ? this.flusher.flushNow(fileId) : this.#share(fileId);
  }

  #share(fileId: FileId): Promise<void> {
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

  async #readOutbox(fileId: FileId): Promise<void> {
    await this.flusher.flushNow(fileId);
    const pending = await this.outbox?.pending(fileId);
    if (pending === undefined || pending === null) return;
    this.flusher.markChanged(fileId, pending);
    await this.flusher.flushNow(fileId);
  }
}
