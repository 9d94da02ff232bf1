/** Announces what is stored of a file before the file is read, so that a read shows every change that was answered before. */

import type { BatchId, FileId } from '../domain/id.js';
import type { FileOwner } from '../domain/stats.js';
import type { Feed } from '../feed/feed.js';
import { SharedCalls } from '../shared-calls.js';
import type { ChangeStore, FileStore, PendingChanges } from '../store/store.js';
import type { ChangeGate } from './change-gate.js';
import type { Flusher } from './flusher.js';

export class Announcer {
  readonly #reads = new SharedCalls<FileId, FileOwner | null>();

  /** `outbox`: has the changes that other gateways have stored; null: there are no other gateways. */
  constructor(
    private readonly flusher: Pick<Flusher, 'flushNow' | 'markChanged'>,
    private readonly outbox: Pick<ChangeStore, 'pending'> | null,
    private readonly files: Pick<FileStore, 'find'>,
    private readonly feed: Pick<Feed, 'head'>,
    private readonly gate: ChangeGate,
  ) {}

  /** This gateway's new changes of the file wait until the returned function is called. */
  pauseChanges(fileId: FileId): () => void {
    return this.gate.pause(fileId);
  }

  /** Reads of a file at the same time share one flush. One that fails is tried again later; the read shows what was announced. */
  async announce(fileId: FileId): Promise<void> {
    if (this.outbox === null) await this.flusher.flushNow(fileId);
    else await this.announceExisting(fileId);
  }

  /** The same, and answers with the file's owner; null: no such file. One read of the store says that, and whether others have something pending. */
  announceExisting(fileId: FileId): Promise<FileOwner | null> {
    return this.#reads.run(fileId, () =>
      this.outbox === null ? this.#flushOwn(fileId) : this.#readOutbox(fileId),
    );
  }

  async #flushOwn(fileId: FileId): Promise<FileOwner | null> {
    await this.flusher.flushNow(fileId);
    return this.files.find(fileId);
  }

  async #readOutbox(fileId: FileId): Promise<FileOwner | null> {
    await this.flusher.flushNow(fileId);
    const pending = (await this.outbox?.pending(fileId)) ?? null;
    if (pending === null) return null;
    const batchIds = await this.#unannounced(fileId, pending);
    if (batchIds.length === 0 && !pending.ofFile) return pending;
    this.flusher.markChanged(fileId, batchIds);
    await this.flusher.flushNow(fileId);
    return pending;
  }

  /** A mark stays for a moment after its change was announced, which the feed knows. */
  async #unannounced(fileId: FileId, { generation, batches }: PendingChanges): Promise<BatchId[]> {
    const batchIds = [...batches.keys()];
    if (batchIds.length === 0) return [];
    const head = await this.feed.head(fileId, batchIds);
    if (head?.state.generation !== generation) return batchIds;
    return batchIds.filter((batchId) => head.batches.get(batchId)?.version !== batches.get(batchId));
  }
}
