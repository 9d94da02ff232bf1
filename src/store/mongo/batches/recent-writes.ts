/** A cache of the batches that this gateway has written or read last, so that it reads less from MongoDB. */
import { ByteCache } from '../../../byte-cache.js';
import type { BatchId } from '../../../domain/id.js';
import { type FingerprintedList, RecentLists } from '../../recent-lists.js';
import type { StoredBatch } from '../documents/batches.js';

const MAX_BYTES = 4 * 2 ** 20;
/** What a batch without its list takes beside its texts, about. */
const BATCH_BYTES = 1_500;

/** Another gateway may have written since: every write that relies on the cache is made on condition that none has. */
export class RecentWrites {
  readonly lists = new RecentLists();
  readonly batches = new ByteCache<StoredBatch>(MAX_BYTES);
  readonly #saved = new ByteCache<StoredBatch>(MAX_BYTES);

  /** To be called once an update is stored. `isCertain`: its batch stays in its generation. */
  remember(batch: StoredBatch, list: FingerprintedList, isCertain: boolean): void {
    this.rememberBatch(batch);
    if (isCertain) this.#saved.set(batch.batchId, batch, sizeOf(batch));
    if (batch.fingerprint === list.fingerprint) this.lists.remember(batch.batchId, list, batch.complete);
  }

  rememberBatch(batch: StoredBatch): void {
    this.batches.set(batch.batchId, batch, sizeOf(batch));
  }

  /** A batch as the last update that this gateway has saved has left it; undefined: that is not remembered. */
  savedBatch(batchId: BatchId): StoredBatch | undefined {
    return this.#saved.get(batchId);
  }

  /** To be called before an update is stored: if there is no answer, what was saved before may not be the last one. */
  saving(batchId: BatchId): void {
    this.#saved.delete(batchId);
  }

  forget(batchId: BatchId): void {
    this.batches.delete(batchId);
    this.#saved.delete(batchId);
    this.lists.forget(batchId);
  }

  forgetAll(): void {
    this.batches.clear();
    this.#saved.clear();
    this.lists.forgetAll();
  }

  close(): void {
    this.batches.close();
    this.#saved.close();
    this.lists.close();
  }
}

const sizeOf = ({ summary, rewrites, chunks }: StoredBatch): number =>
  BATCH_BYTES + summary.length + rewrites.length + 200 * chunks.length;
