import { trusted } from 'mongoose';
import {
  type DeadLetterRecord,
  type DeadLetterRecords,
  deadLetterOf,
  HEAD_BYTES,
} from '../dead-letter-records.js';
import type { DeadLetter, DeadLetterQuery, DeadLetterStore, NewDeadLetter } from '../dead-letters.js';
import { fileOfBatch } from './batches/save-update.js';
import type { MongoConnection } from './connection.js';
import type { BatchHead, BatchTombstoneDoc, DeadLetterDoc, TombstoneDoc } from './documents.js';
import type { Models } from './models.js';

/** Dropped, or looked at, in one go. */
const AT_ONCE = 256;
/** The bytes of all letters are added up once in so many chunks of their bound: they are never far beyond it. */
const LOOKS = 64;

/** The letters of all gateways. Their ids begin with the time, so the index that every collection has is all they need. */
export class MongoDeadLetters implements DeadLetterStore {
  #unseenBytes = Infinity;
  #fitting: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: MongoConnection,
    private readonly records: DeadLetterRecords,
    private readonly maxBytes: number,
  ) {}

  add(letter: NewDeadLetter): Promise<void> {
    return this.connection.run(async (db) => {
      const record = this.records.of(letter, Date.now());
      const { batchId } = record;
      const fileId = record.fileId ?? (batchId === null ? null : await fileOfBatch(db, batchId));
      await db.deadLetters.insertMany([docOf({ ...record, fileId })], { lean: true });
      this.#unseenBytes += record.bytes;
      // One look at a time: two that see the same excess would both make room for it.
      this.#fitting = this.#fitting
        .then(() => this.#keepWithin(db))
        .catch(() => {
          // The letter is kept, so its inlet must not bring it again; the next one looks for room again.
          this.#unseenBytes = Infinity;
        });
      await this.#fitting;
    });
  }

  list({ limit, after, payloadBytes }: DeadLetterQuery): Promise<DeadLetter[]> {
    return this.connection.run(async (db) => {
      const from = { $gte: this.records.expiry(Date.now()) };
      const docs = await db.deadLetters
        .find(
          { _id: trusted(after === null ? from : { ...from, $lt: after }) },
          payloadBytes > HEAD_BYTES ? {} : { tail: 0 },
        )
        .sort({ _id: -1 })
        .limit(limit)
        .lean<Shown[]>()
        .exec();
      return docs.map((doc) => shown(doc, payloadBytes));
    });
  }

  async find(id: string): Promise<DeadLetter | null> {
    if (this.#isExpired(id)) return null;
    const doc = await this.connection.run((db) => db.deadLetters.findById(id).lean<DeadLetterDoc>().exec());
    return doc === null ? null : shown(doc);
  }

  async discard(id: string): Promise<boolean> {
    if (this.#isExpired(id)) return false;
    const { deletedCount } = await this.connection.run((db) => db.deadLetters.deleteOne({ _id: id }).exec());
    return deletedCount === 1;
  }

  dropExpired(): Promise<void> {
    return this.connection.run((db) => this.#dropExpired(db));
  }

  async #dropExpired(db: Models): Promise<void> {
    await db.deadLetters.deleteMany({ _id: trusted({ $lt: this.records.expiry(Date.now()) }) });
  }

  #isExpired(id: string): boolean {
    return id < this.records.expiry(Date.now());
  }

  async #keepWithin(db: Models): Promise<void> {
    if (this.#unseenBytes < this.maxBytes / LOOKS) return;
    this.#unseenBytes = 0;
    await this.#dropExpired(db);
    const [all] = await db.deadLetters.aggregate<{ bytes: number }>([
      { $match: { bytes: { $gt: 0 } } },
      { $group: { _id: null, bytes: { $sum: '$bytes' } } },
    ]);
    let excess = (all?.bytes ?? 0) - this.maxBytes;
    while (excess > 0) {
      const oldest = await db.deadLetters
        .find({}, { bytes: 1 })
        .sort({ _id: 1 })
        .limit(AT_ONCE)
        .lean<Pick<DeadLetterDoc, '_id' | 'bytes'>[]>()
        .exec();
      let last: string | null = null;
      for (const { _id, bytes } of oldest) {
        if (excess <= 0) break;
        last = _id;
        excess -= bytes;
      }
      if (last === null) return;
      await db.deadLetters.deleteMany({ _id: trusted({ $lte: last }) });
    }
  }
}

/**
 * Discards the letters that name a removed file, or a batch of any generation of it. Their ids are looked up by what is left of
 * the batches of ended generations, so this comes after those were cleaned.
 */
export async function discardDeadLettersOfFile(db: Models, fileId: string): Promise<void> {
  await db.deadLetters.deleteMany({ fileId });
  const ended = await db.tombstones.find({ fileId }, { _id: 1 }).lean<Pick<TombstoneDoc, '_id'>[]>().exec();
  if (ended.length === 0) return;
  const generations = trusted({ $in: ended.map(({ _id }) => _id) });
  for (let after = ''; ; ) {
    const letters = await db.deadLetters
      .find({ batchId: trusted({ $gt: after }) }, { _id: 0, batchId: 1 })
      .sort({ batchId: 1 })
      .limit(AT_ONCE)
      .lean<Required<Pick<DeadLetterDoc, 'batchId'>>[]>()
      .exec();
    const named = letters.map(({ batchId }) => batchId);
    const last = named.at(-1);
    if (last === undefined) return;
    const theirs = await db.batchTombstones
      .find({ _id: trusted({ $in: [...new Set(named)] }), generation: generations }, { _id: 1 })
      .lean<Pick<BatchTombstoneDoc, '_id'>[]>()
      .exec();
    await discardDeadLettersOfBatches(
      db,
      theirs.map(({ _id }) => _id),
    );
    after = last;
  }
}

/** Leaves those of batches that have been registered again since. */
async function discardDeadLettersOfBatches(db: Models, batchIds: readonly string[]): Promise<void> {
  if (batchIds.length === 0) return;
  const again = await db.batches
    .find({ batchId: trusted({ $in: [...batchIds] }) }, { _id: 0, batchId: 1 })
    .lean<Pick<BatchHead, 'batchId'>[]>()
    .exec();
  const kept = new Set(again.map(({ batchId }) => batchId));
  const over = batchIds.filter((batchId) => !kept.has(batchId));
  await db.deadLetters.deleteMany({ batchId: trusted({ $in: over }) });
}

type Shown = Omit<DeadLetterDoc, 'tail'> & Partial<Pick<DeadLetterDoc, 'tail'>>;

const docOf = ({ id, fileId, batchId, ...rest }: DeadLetterRecord): DeadLetterDoc => ({
  _id: id,
  ...(fileId === null ? {} : { fileId }),
  ...(batchId === null ? {} : { batchId }),
  ...rest,
});

const shown = ({ _id, tail = '', ...rest }: Shown, payloadBytes?: number): DeadLetter =>
  deadLetterOf({ id: _id, tail, ...rest }, payloadBytes);
