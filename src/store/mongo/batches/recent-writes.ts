/** A cache of the batches that this gateway has written or read last, so that it reads less from MongoDB. */
import { ByteCache } from '../../../byte-cache.js';
import type { BatchId } from '../../../domain/id.js';
import { type FingerprintedList, RecentLists } from '../../recent-lists.js';
import type { BatchHead } from '../documents/batches.js';

const MAX_HEAD_BYTES = 4 * 2 ** 20;
/** What a batch without its list takes beside its texts, about. */
const HEAD_BYTES = 1_500;

/** Another gateway may have written since: every write that relies on the cache is made on condition that none has. */
export class RecentWrites {
  readonly lists = new RecentLists();
  readonly heads = new ByteCache<BatchHead>(MAX_HEAD_BYTES);

  remember(batch: BatchHead, list: FingerprintedList): void {
    this.rememberHead(batch);
    if (batch.fingerprint === list.fingerprint) this.lists.remember(batch.batchId, list, batch.complete);
  }

  rememberHead(batch: BatchHead): void {
    const { batchId, summary, rewrites, chunks } = batch;
    this.heads.set(batchId, batch, HEAD_BYTES + summary.length + rewrites.length + 200 * chunks.length);
  }

  forget(batchId: BatchId): void {
    this.heads.delete(batchId);
    this.lists.forget(batchId);
  }

  forgetAll(): void {
    this.heads.clear();
    this.lists.forgetAll();
  }

  close(): void {
    this.heads.close();
    this.lists.close();
  }
}
