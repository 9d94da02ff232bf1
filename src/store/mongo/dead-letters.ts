/** Dead letters in MongoDB, of all gateways together. */
import { trusted } from 'mongoose';
import type { BatchId, FileId } from '../../domain/id.js';
import {
  type DeadLetterRecord,
  type DeadLetterRecords,
  deadLetterOf,
  HEAD_BYTES,
} from '../dead-letter-records.js';
import type { DeadLetter, DeadLetterQuery, DeadLetterStore, NewDeadLetter } from '../dead-letters.js';
import { fileOfBatch } from './batches/save-update.js';
import type { MongoConnection } from './connection.js';
import type { DeadLetterDoc } from './documents/operation.js';
import { findDoc, findDocs, findFields, type Models } from './models.js';

/** Dead letters deleted or read in one go. */
const AT_ONCE = 256;
/** The bytes of all dead letters are added up each time this fraction of their bound was added: they never exceed it by much. */
const CHECKS_PER_BOUND = 64;

/** Ids begin with the time, so the index of ids that every collection has serves all reads. */
export class MongoDeadLetters implements DeadLetterStore {
  #uncheckedBytes = Infinity;
  #makingRoom: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: MongoConnection,
    private readonly records: DeadLetterRecords,
    private readonly maxBytes: number,
  ) {}

  add(message: NewDeadLetter): Promise<void> {
    return this.connection.run(async (db) => {
      const record = this.records.of(message);
      const { batchId } = record;
      const fileId = record.fileId ?? (batchId === null ? null : await fileOfBatch(db, batchId));
      await db.deadLetters.insertMany([docOf({ ...record, fileId })], { lean: true });
      this.#uncheckedBytes += record.bytes;
      // One at a time: two that see the same excess would both make room for it.
      this.#makingRoom = this.#makingRoom
        .then(() => this.#makeRoom(db))
        .catch(() => {
          // The dead letter is stored, so its inlet must not add it again; the next one makes room.
          this.#uncheckedBytes = Infinity;
        });
      await this.#makingRoom;
    });
  }

  list({ limit, after, payloadBytes }: DeadLetterQuery): Promise<DeadLetter[]> {
    return this.connection.run(async (db) => {
      const from = { $gte: this.records.expiry() };
      const docs = await findDocs(
        db.deadLetters,
        { _id: trusted(after === null ? from : { ...from, $lt: after }) },
        { projection: payloadBytes > HEAD_BYTES ? {} : { tail: 0 }, sort: { _id: -1 }, limit },
      );
      return docs.map((doc) => deadLetterFrom(doc, payloadBytes));
    });
  }

  async find(id: string): Promise<DeadLetter | null> {
    if (this.records.hasExpired(id)) return null;
    const doc = await this.connection.run((db) => findDoc(db.deadLetters, { _id: id }));
    return doc === null ? null : deadLetterFrom(doc);
  }

  async discard(id: string): Promise<boolean> {
    if (this.records.hasExpired(id)) return false;
    const { deletedCount } = await this.connection.run((db) => db.deadLetters.deleteOne({ _id: id }).exec());
    return deletedCount === 1;
  }

  dropExpired(): Promise<void> {
    return this.connection.run((db) => this.#dropExpired(db));
  }

  async #dropExpired(db: Models): Promise<void> {
    await db.deadLetters.deleteMany({ _id: trusted({ $lt: this.records.expiry() }) });
  }

  async #makeRoom(db: Models): Promise<void> {
    if (this.#uncheckedBytes < this.maxBytes / CHECKS_PER_BOUND) return;
    this.#uncheckedBytes = 0;
    await this.#dropExpired(db);
    const [all] = await db.deadLetters.aggregate<{ bytes: number }>([
      { $match: { bytes: { $gt: 0 } } },
      { $group: { _id: null, bytes: { $sum: '$bytes' } } },
    ]);
    let excess = (all?.bytes ?? 0) - this.maxBytes;
    while (excess > 0) {
      const first = { sort: { _id: 1 }, limit: AT_ONCE } as const;
      const oldest = await findFields(db.deadLetters, {}, ['_id', 'bytes'], first);
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
 * Discards the dead letters that name a removed file, or a batch of any of its generations. The batches are found by their
 * tombstones, so the clean-up of the generations has to come first.
 */
export async function discardDeadLettersOfFile(db: Models, fileId: FileId): Promise<void> {
  await db.deadLetters.deleteMany({ fileId });
  const ended = await findFields(db.tombstones, { fileId }, ['_id']);
  if (ended.length === 0) return;
  const generations = trusted({ $in: ended.map(({ _id }) => _id) });
  for (let after = ''; ; ) {
    const first = { sort: { batchId: 1 }, limit: AT_ONCE } as const;
    const some = await findFields(db.deadLetters, { batchId: trusted({ $gt: after }) }, ['batchId'], first);
    const named = some.flatMap(({ batchId }) => batchId ?? []);
    const last = named.at(-1);
    if (last === undefined) return;
    const over = { _id: trusted({ $in: [...new Set(named)] }), generation: generations };
    const tombstones = await findFields(db.batchTombstones, over, ['_id']);
    await discardDeadLettersOfBatches(
      db,
      tombstones.map(({ _id }) => _id),
    );
    after = last;
  }
}

/** Leaves the dead letters of batches that have been registered again since. */
async function discardDeadLettersOfBatches(db: Models, batchIds: readonly BatchId[]): Promise<void> {
  if (batchIds.length === 0) return;
  const again = await findFields(db.batches, { batchId: trusted({ $in: [...batchIds] }) }, ['batchId']);
  const kept = new Set(again.map(({ batchId }) => batchId));
  const over = batchIds.filter((batchId) => !kept.has(batchId));
  await db.deadLetters.deleteMany({ batchId: trusted({ $in: over }) });
}

type ShownDoc = Omit<DeadLetterDoc, 'tail'> & Partial<Pick<DeadLetterDoc, 'tail'>>;

const docOf = ({ id, fileId, batchId, ...rest }: DeadLetterRecord): DeadLetterDoc => ({
  _id: id,
  ...(fileId === null ? {} : { fileId }),
  ...(batchId === null ? {} : { batchId }),
  ...rest,
});

const deadLetterFrom = ({ _id, tail = '', ...rest }: ShownDoc, payloadBytes?: number): DeadLetter =>
  deadLetterOf({ id: _id, tail, ...rest }, payloadBytes);
