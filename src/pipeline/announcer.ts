/** Announces what is stored of a file before the file is read, so that a read shows every change that was answered before. */

import type { FileId } from '../domain/id.js';
import type { ChangeStore, FileStore } from '../store/store.js';
import type { Flusher } from './flusher.js';
import type { Holds } from './holds.js';

/** A look into the outbox that is under way, and the one that those share who came after it had begun. */
interface Looks {
  now: Promise<boolean>;
  next: Promise<boolean> | null;
}

export class Announcer {
  readonly #looks = new Map<FileId, Looks>();

  /** `outbox`: has the changes that other gateways have stored; null: there are no other gateways. */
  constructor(
    private readonly flusher: Pick<Flusher, 'flushNow' | 'markChanged'>,
    private readonly outbox: Pick<ChangeStore, 'pending'> | null,
    private readonly files: Pick<FileStore, 'find'>,
    private readonly holds: Holds,
  ) {}

  /** This gateway's new changes of the file wait until the returned function is called. */
  hold(fileId: FileId): () => void {
    return this.holds.hold(fileId);
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
    const looks = this.#looks.get(fileId);
    if (looks === undefined) {
      const now = this.#look(fileId).finally(() => this.#looks.delete(fileId));
      this.#looks.set(fileId, { now, next: null });
      return now;
    }
    // The look under way may have begun before a change that this caller knows of.
    looks.next ??= looks.now.then(
      () => this.#share(fileId),
      () => this.#share(fileId),
    );
    return looks.next;
  }

  async #look(fileId: FileId): Promise<boolean> {
    await this.flusher.flushNow(fileId);
    const pending = await this.outbox?.pending(fileId);
    if (pending === undefined) return false;
    if (pending === null) return true;
    this.flusher.markChanged(fileId, pending);
    await this.flusher.flushNow(fileId);
    return true;
  }
}
