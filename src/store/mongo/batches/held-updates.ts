import { trusted } from 'mongoose';
import type { Update } from '../../../domain/update.js';
import type { HeldCounts } from '../../store.js';
import type { BatchHead } from '../documents.js';
import { isDuplicate } from '../errors.js';
import type { Models } from '../models.js';
import { freshBatch } from './batch-docs.js';
import { dropChunks, markUnconfirmed } from './chunks.js';
import { applyUpdate, type WriteOutcome } from './write-batch.js';

export interface HeldLimits {
  readonly ttlMs: number;
  readonly maxBytes: number;
}

/** Dropped at a time, at most. */
const AT_ONCE = 64;
/** The bytes of all that is held are added up once in so many chunks of their bound: they are never far beyond it. */
const LOOKS = 64;

/**
 * Keeps the newest update of a batch that nobody has registered yet, as a batch of nobody's: it grows like any other, and
 * the registration gives it its place in a single write, so that nothing is lost on the way. Beyond the limit the oldest
 * go first; the one that just came stays, however large it is: its sender is told that it is held.
 */
export class HeldUpdates {
  #lastAt = 0;
  #unseenBytes = Infinity;
  #dropped = 0;

  constructor(private readonly limits: HeldLimits) {}

  isExpired({ heldAt }: Pick<BatchHead, 'heldAt'>, now: number): boolean {
    return heldAt !== undefined && heldAt.getTime() < now - this.limits.ttlMs;
  }

  async hold(db: Models, batch: BatchHead | null, update: Update): Promise<WriteOutcome> {
    const now = this.#now();
    if (batch === null) return this.#begin(db, update.batchId, now);
    if (this.isExpired(batch, now.getTime())) {
      await this.#drop(db, batch);
      return 'conflict';
    }
    const written = await applyUpdate(db, batch, update, now);
    if (written === 'applied') await this.#keepWithin(db, update, now);
    return written;
  }

  async counts(db: Models): Promise<HeldCounts> {
    const [held] = await db.batches.aggregate<{ updates: number; bytes: number }>([
      { $match: { held: true } },
      { $group: { _id: null, updates: { $sum: 1 }, bytes: { $sum: '$bytes' } } },
    ]);
    return { updates: held?.updates ?? 0, bytes: held?.bytes ?? 0, dropped: this.#dropped };
  }

  /** Drops what was held for too long. */
  async dropExpired(db: Models, now: number): Promise<void> {
    const expired = { held: true, heldAt: trusted({ $lt: new Date(now - this.limits.ttlMs) }) } as const;
    for (;;) {
      const some = await oldest(db, expired);
      for (const batch of some) await this.#drop(db, batch);
      if (some.length < AT_ONCE) return;
    }
  }

  /** The document of a batch that nobody has registered; the caller reads it again and brings its update in. */
  async #begin(db: Models, batchId: string, now: Date): Promise<WriteOutcome> {
    try {
      await db.batches.insertMany([freshBatch(batchId, null, null, now)], { lean: true });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    return 'conflict';
  }

  async #keepWithin(db: Models, { batchId, results }: Update, now: Date): Promise<void> {
    this.#unseenBytes += results.reduce((sum, { json }) => sum + json.length, 0);
    if (this.#unseenBytes < this.limits.maxBytes / LOOKS) return;
    this.#unseenBytes = 0;
    await this.dropExpired(db, now.getTime());
    const [held] = await db.batches.aggregate<{ bytes: number }>([
      { $match: { held: true } },
      { $group: { _id: null, bytes: { $sum: '$bytes' } } },
    ]);
    let bytes = held?.bytes ?? 0;
    while (bytes > this.limits.maxBytes) {
      const some = await oldest(db, { held: true, batchId: trusted({ $ne: batchId }) });
      if (some.length === 0) return;
      for (const batch of some) {
        if (bytes <= this.limits.maxBytes) return;
        await this.#drop(db, batch);
        bytes -= batch.bytes;
      }
    }
  }

  /** Drops a held batch, unless it has changed, or has an owner, by now. */
  async #drop(
    db: Models,
    { batchId, version, chunks }: Pick<BatchHead, 'batchId' | 'version' | 'chunks'>,
  ): Promise<void> {
    const ids = chunks.map(({ id }) => id);
    await markUnconfirmed(db, ids);
    const { deletedCount } = await db.batches.deleteOne({ batchId, generation: null, version });
    if (deletedCount === 0) return;
    this.#dropped++;
    await dropChunks(db, ids);
  }

  /** Never the same twice, so that what came first is the oldest. */
  #now(): Date {
    this.#lastAt = Math.max(Date.now(), this.#lastAt + 1);
    return new Date(this.#lastAt);
  }
}

const oldest = (db: Models, filter: Record<string, unknown>) =>
  db.batches
    .find(filter, { _id: 0, batchId: 1, version: 1, chunks: 1, bytes: 1 })
    .sort({ heldAt: 1 })
    .limit(AT_ONCE)
    .lean<Pick<BatchHead, 'batchId' | 'version' | 'chunks' | 'bytes'>[]>()
    .exec();
