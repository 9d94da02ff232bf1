import { trusted } from 'mongoose';
import type { DeadLetter, DeadLetterQuery, PutAside } from '../dead-letters.js';
import { HEAD_BYTES, type LetterRecord, type LetterRecords, letterOf } from '../letter-records.js';
import type { Batch, EndedBatchDoc, EndedDoc, LetterDoc } from './documents.js';
import type { Models } from './models.js';
import { locate } from './saves.js';

/** Dropped, or looked at, in one go. */
const AT_ONCE = 256;
/** The bytes of all letters are added up once in so many parts of their bound: they are never far beyond it. */
const LOOKS = 64;

/** The letters of all gateways. Their ids begin with the time, so the index that every collection has is all they need. */
export class DeadLetters {
  #unseenBytes = Infinity;
  #fitting: Promise<void> = Promise.resolve();

  constructor(
    private readonly records: LetterRecords,
    private readonly maxBytes: number,
  ) {}

  async putAside(db: Models, letter: PutAside): Promise<void> {
    const record = this.records.of(letter, Date.now());
    const { batchId } = record;
    const fileId = record.fileId ?? (batchId === null ? null : await locate(db, batchId));
    await db.letters.insertMany([docOf({ ...record, fileId })], { lean: true });
    this.#unseenBytes += record.bytes;
    // One look at a time: two that see the same excess would both make room for it.
    this.#fitting = this.#fitting
      .then(() => this.#keepWithin(db))
      .catch(() => {
        // The letter is kept, so nobody is to bring it again; the next one looks for room again.
        this.#unseenBytes = Infinity;
      });
    await this.#fitting;
  }

  async list(db: Models, { limit, after, payloadBytes }: DeadLetterQuery): Promise<DeadLetter[]> {
    const from = { $gte: this.records.expiry(Date.now()) };
    const docs = await db.letters
      .find(
        { _id: trusted(after === null ? from : { ...from, $lt: after }) },
        payloadBytes > HEAD_BYTES ? {} : { tail: 0 },
      )
      .sort({ _id: -1 })
      .limit(limit)
      .lean<Shown[]>()
      .exec();
    return docs.map((doc) => shown(doc, payloadBytes));
  }

  async one(db: Models, id: string): Promise<DeadLetter | null> {
    if (this.#isExpired(id)) return null;
    const doc = await db.letters.findById(id).lean<LetterDoc>().exec();
    return doc === null ? null : shown(doc);
  }

  async discard(db: Models, id: string): Promise<boolean> {
    if (this.#isExpired(id)) return false;
    return (await db.letters.deleteOne({ _id: id })).deletedCount === 1;
  }

  /** Drops what was kept for too long. */
  async sweep(db: Models): Promise<void> {
    await db.letters.deleteMany({ _id: trusted({ $lt: this.records.expiry(Date.now()) }) });
  }

  #isExpired(id: string): boolean {
    return id < this.records.expiry(Date.now());
  }

  async #keepWithin(db: Models): Promise<void> {
    if (this.#unseenBytes < this.maxBytes / LOOKS) return;
    this.#unseenBytes = 0;
    await this.sweep(db);
    const [all] = await db.letters.aggregate<{ bytes: number }>([
      { $match: { bytes: { $gt: 0 } } },
      { $group: { _id: null, bytes: { $sum: '$bytes' } } },
    ]);
    let excess = (all?.bytes ?? 0) - this.maxBytes;
    while (excess > 0) {
      const oldest = await db.letters
        .find({}, { bytes: 1 })
        .sort({ _id: 1 })
        .limit(AT_ONCE)
        .lean<Pick<LetterDoc, '_id' | 'bytes'>[]>()
        .exec();
      let last: string | null = null;
      for (const { _id, bytes } of oldest) {
        if (excess <= 0) break;
        last = _id;
        excess -= bytes;
      }
      if (last === null) return;
      await db.letters.deleteMany({ _id: trusted({ $lte: last }) });
    }
  }
}

/**
 * Discards the letters that name a removed file, or a batch of any life of it. Their ids are looked up by what is left of
 * the batches of ended lives, so this comes after those were cleaned.
 */
export async function discardLettersOf(db: Models, fileId: string): Promise<void> {
  await db.letters.deleteMany({ fileId });
  const ended = await db.ended.find({ fileId }, { _id: 1 }).lean<Pick<EndedDoc, '_id'>[]>().exec();
  if (ended.length === 0) return;
  const lives = trusted({ $in: ended.map(({ _id }) => _id) });
  for (let after = ''; ; ) {
    const letters = await db.letters
      .find({ batchId: trusted({ $gt: after }) }, { _id: 0, batchId: 1 })
      .sort({ batchId: 1 })
      .limit(AT_ONCE)
      .lean<Required<Pick<LetterDoc, 'batchId'>>[]>()
      .exec();
    const named = letters.map(({ batchId }) => batchId);
    const last = named.at(-1);
    if (last === undefined) return;
    const theirs = await db.endedBatches
      .find({ _id: trusted({ $in: [...new Set(named)] }), life: lives }, { _id: 1 })
      .lean<Pick<EndedBatchDoc, '_id'>[]>()
      .exec();
    await discardLettersOfBatches(
      db,
      theirs.map(({ _id }) => _id),
    );
    after = last;
  }
}

/** Leaves those of batches that have been registered again since. */
async function discardLettersOfBatches(db: Models, batchIds: readonly string[]): Promise<void> {
  if (batchIds.length === 0) return;
  const again = await db.batches
    .find({ batchId: trusted({ $in: [...batchIds] }) }, { _id: 0, batchId: 1 })
    .lean<Pick<Batch, 'batchId'>[]>()
    .exec();
  const kept = new Set(again.map(({ batchId }) => batchId));
  const over = batchIds.filter((batchId) => !kept.has(batchId));
  await db.letters.deleteMany({ batchId: trusted({ $in: over }) });
}

type Shown = Omit<LetterDoc, 'tail'> & Partial<Pick<LetterDoc, 'tail'>>;

const docOf = ({ id, fileId, batchId, ...rest }: LetterRecord): LetterDoc => ({
  _id: id,
  ...(fileId === null ? {} : { fileId }),
  ...(batchId === null ? {} : { batchId }),
  ...rest,
});

const shown = ({ _id, tail = '', ...rest }: Shown, payloadBytes?: number): DeadLetter =>
  letterOf({ id: _id, tail, ...rest }, payloadBytes);
