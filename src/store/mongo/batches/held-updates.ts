/** Updates that are held until their batch is registered, in MongoDB. */
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { BatchId, UserId } from '../../../domain/id.js';
import type { Update } from '../../../domain/update.js';
import { entriesToDrop } from '../../byte-limit.js';
import { givingWay, type HeldShare } from '../../held-shares.js';
import type { HeldCounts } from '../../store.js';
import type { StoredBatch } from '../documents/batches.js';
import { findFields, insertIfNew, type Models } from '../models.js';
import { freshBatch } from './batch-docs.js';
import { dropChunks, markUnconfirmed } from './chunks.js';
import { applyUpdate, type WriteOutcome } from './write-batch.js';

interface HeldLimits {
  readonly ttlMs: number;
  readonly maxBytes: number;
}

/** Batches dropped in one go, at most. */
const AT_ONCE = 64;
/** What counts of a document beside its results: about its size, with why its batch failed. */
const DOCUMENT_BYTES = 2_048;
/** The held bytes are added up each time so large a fraction of their limit has come: they are never far beyond it. */
const CHECKS = 64;

type DroppableBatch = Pick<StoredBatch, 'batchId' | 'generation' | 'version' | 'chunks' | 'bytes'>;

/**
 * Holds the updates of a batch until it is registered, in a batch document without a file. It grows like any other, and
 * the registration gives it its place in a single write, so that nothing is lost on the way. Beyond the byte limit
 * others are dropped, see held-shares.ts; the newest one stays, however large it is: the answer to it says that it is held.
 */
export class HeldUpdates {
  #lastAt = 0;
  #uncheckedBytes = Infinity;
  #dropped = 0;

  constructor(private readonly limits: HeldLimits) {}

  isExpired({ heldAt }: Pick<StoredBatch, 'heldAt'>, now: number): boolean {
    return heldAt !== undefined && heldAt.getTime() < now - this.limits.ttlMs;
  }

  /** `ofSender`: the batch and the user, where the document is for that user only. */
  async hold(
    db: Models,
    batch: StoredBatch | null,
    update: Update,
    ofSender: Pick<StoredBatch, 'heldFor' | 'heldBy'> = {},
  ): Promise<WriteOutcome> {
    const now = this.#now();
    if (batch === null) {
      // The caller reads it again and brings its update in.
      const fresh = freshBatch(update.batchId, null, null, now);
      await insertIfNew(db.batches, { ...fresh, ...ofSender });
      return 'conflict';
    }
    if (this.isExpired(batch, now.getTime())) {
      await this.#drop(db, batch);
      return 'conflict';
    }
    const written = await applyUpdate(db, batch, update, now);
    if (written === 'applied') await this.#keepWithinLimit(db, update, now);
    return written;
  }

  async counts(db: Models): Promise<HeldCounts> {
    const [held] = await sumsOf(db, null);
    return { updates: held?.updates ?? 0, bytes: held?.bytes ?? 0, dropped: this.#dropped };
  }

  async dropExpired(db: Models, now: number): Promise<void> {
    const expired = { held: true, heldAt: trusted({ $lt: new Date(now - this.limits.ttlMs) }) } as const;
    for (;;) {
      const batches = await oldest(db, expired);
      for (const batch of batches) await this.#drop(db, batch);
      if (batches.length < AT_ONCE) return;
    }
  }

  async #keepWithinLimit(db: Models, { batchId, results }: Update, now: Date): Promise<void> {
    const { maxBytes } = this.limits;
    this.#uncheckedBytes += results.reduce((sum, { json }) => sum + json.length, DOCUMENT_BYTES);
    if (this.#uncheckedBytes < maxBytes / CHECKS) return;
    this.#uncheckedBytes = 0;
    await this.dropExpired(db, now.getTime());
    const shares = await sharesOf(db);
    const steps = givingWay(
      shares,
      shares.reduce((sum, { bytes }) => sum + bytes, -maxBytes),
    );
    for (let step = steps.next(); !step.done; )
      step = steps.next(await this.#dropOldest(db, step.value, batchId));
  }

  /** Drops the oldest of a holder, but not the newest of all, until so many bytes are free. @returns how many are */
  async #dropOldest(db: Models, { holder, bytes }: HeldShare, newest: BatchId): Promise<number> {
    const others = trusted({ $ne: newest });
    const batches = await oldest(db, { held: true, heldBy: holder, batchId: others });
    let dropped = 0;
    for (const batch of entriesToDrop(batches, bytes)) {
      await this.#drop(db, batch);
      dropped += batch.bytes;
    }
    return dropped;
  }

  async #drop(db: Models, batch: Omit<DroppableBatch, 'bytes'>): Promise<void> {
    if (await this.remove(db, batch)) this.#dropped++;
  }

  /** Deletes what is held, unless it has changed, or was registered, since it was read; false: it has. */
  async remove(
    db: Models,
    { batchId, generation, version, chunks }: Omit<DroppableBatch, 'bytes'>,
  ): Promise<boolean> {
    const ids = chunks.map(({ id }) => id);
    await markUnconfirmed(db, ids);
    const { deletedCount } = await db.batches.deleteOne({ batchId, generation, version });
    if (deletedCount === 1) await dropChunks(db, ids);
    return deletedCount === 1;
  }

  /** Never the same twice, so that the order of arrival is the order of age. */
  #now(): Date {
    this.#lastAt = Math.max(clock.now(), this.#lastAt + 1);
    return new Date(this.#lastAt);
  }
}

const sharesOf = async (db: Models): Promise<HeldShare[]> =>
  (await sumsOf(db, '$heldBy')).map(({ _id, bytes }) => ({ holder: _id ?? null, bytes }));

/** What is held of each user, or of all together. Every document has a time: by that the index finds them. */
async function sumsOf(db: Models, _id: '$heldBy' | null) {
  const sums = await db.batches.aggregate<{ _id?: UserId | null; updates: number; bytes: number }>([
    { $match: { held: true, heldAt: { $gt: new Date(0) } } },
    { $group: { _id, updates: { $sum: 1 }, bytes: { $sum: '$bytes' } } },
  ]);
  return sums.map((sum) => ({ ...sum, bytes: sum.bytes + sum.updates * DOCUMENT_BYTES }));
}

async function oldest(db: Models, filter: Record<string, unknown>): Promise<DroppableBatch[]> {
  const fields = ['batchId', 'generation', 'version', 'chunks', 'bytes'] as const;
  const found = await findFields(db.batches, filter, fields, { sort: { heldAt: 1 }, limit: AT_ONCE });
  return found.map((batch) => ({ ...batch, bytes: batch.bytes + DOCUMENT_BYTES }));
}
