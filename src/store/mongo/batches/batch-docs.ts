/** Reads the documents of batches, and makes new ones. */

import { randomInt } from 'node:crypto';
import type { QueryFilter } from 'mongoose';
import type { BatchId, FileId, Generation, RequestId } from '../../../domain/id.js';
import { type Summary, waitingSummary } from '../../../domain/summary.js';
import { portions } from '../../../portions.js';
import { type BatchProgress, initialProgress, statusOf } from '../../batch-progress.js';
import { type BatchDoc, batches, LIST_FIELDS, type StoredBatch } from '../documents/batches.js';
import { fieldsOf } from '../documents/schema.js';
import { findDocs, type Models, type ReadOptions } from '../models.js';
import { EMPTY_LIST } from './result-lists.js';

const LIST = new Set<string>(LIST_FIELDS);

/** Every field but the list. By name: to leave out the others, some databases decode the whole list. */
export const WITHOUT_LIST: Readonly<Record<string, 0 | 1>> = {
  _id: 0,
  ...Object.fromEntries(fieldsOf(batches).flatMap((name) => (LIST.has(name) ? [] : [[name, 1]]))),
};

export function withoutList({
  cells: _,
  keys: __,
  domains: ___,
  results: ____,
  ...batch
}: BatchDoc): StoredBatch {
  return batch;
}

/** By the driver: every update asks this, and Mongoose would double the time that it takes. */
export const findBatch = (db: Models, batchId: BatchId): Promise<StoredBatch | null> =>
  db.batches.collection.findOne<StoredBatch>({ batchId }, { projection: WITHOUT_LIST });

/** Batches without their lists. */
export const findBatchesWhere = (
  db: Models,
  filter: QueryFilter<BatchDoc>,
  options: Omit<ReadOptions, 'projection'> = {},
): Promise<StoredBatch[]> => findDocs(db.batches, filter, { ...options, projection: WITHOUT_LIST });

/** Ids in one query: it has to fit into a document, too. */
const IDS_AT_ONCE = 1_000;

export const findBatches = (db: Models, batchIds: readonly BatchId[]): Promise<Map<BatchId, StoredBatch>> =>
  findByIds<StoredBatch>(db, batchIds, WITHOUT_LIST);

/** What a registration asks of a batch that is there already. */
export type ExistingBatch = Pick<StoredBatch, 'batchId' | 'fileId' | 'generation' | 'totalEmails'>;

export const findExistingBatches = (
  db: Models,
  batchIds: readonly BatchId[],
): Promise<Map<BatchId, ExistingBatch>> =>
  findByIds<ExistingBatch>(db, batchIds, { _id: 0, batchId: 1, fileId: 1, generation: 1, totalEmails: 1 });

async function findByIds<T extends { readonly batchId: BatchId }>(
  db: Models,
  batchIds: readonly BatchId[],
  projection: Readonly<Record<string, 0 | 1>>,
): Promise<Map<BatchId, T>> {
  const found = new Map<BatchId, T>();
  for (const ids of portions(batchIds, IDS_AT_ONCE)) {
    const some = await db.batches.collection.find<T>({ batchId: { $in: ids } }, { projection }).toArray();
    for (const batch of some) found.set(batch.batchId, batch);
  }
  return found;
}

export const summaryOf = ({ summary }: Pick<StoredBatch, 'summary'>): Summary =>
  JSON.parse(summary) as Summary;

export const progressOf = (batch: StoredBatch): BatchProgress => ({
  begun: batch.begun,
  complete: batch.complete,
  stalled: batch.stalled,
  failedAtCount: batch.failedAtCount,
  totalEmails: batch.totalEmails,
  processedCount: batch.processedCount,
});

export interface BatchPlace {
  readonly fileId: FileId;
  readonly requestId: RequestId | null;
  readonly generation: Generation;
  readonly ordinal: number;
}

/** Random: a batch that was removed and comes again is never taken for the one that it was. */
const firstVersion = (): number => randomInt(1, 2 ** 47);

const NO_PLACE = { fileId: null, requestId: null, generation: null, ordinal: null };

/** The document of a batch without an update. `place` is null where it is not registered: what comes is held. */
export const freshBatch = (
  batchId: BatchId,
  place: BatchPlace | null,
  totalEmails: number | null,
  now: Date,
): BatchDoc => freshBatches(now)(batchId, place, totalEmails);

/** Makes such documents. Those of one size share what follows from it. */
export function freshBatches(
  now: Date,
): (batchId: BatchId, place: BatchPlace | null, totalEmails: number | null) => BatchDoc {
  const states = new Map<number | null, ReturnType<typeof progressFields>>();
  return (batchId, place, totalEmails) => {
    let state = states.get(totalEmails);
    if (state === undefined) {
      state = progressFields(initialProgress(totalEmails), waitingSummary(totalEmails), 0, now);
      states.set(totalEmails, state);
    }
    const mark =
      // That it was registered, its file's document says: a mark for each of many batches would be removed one by one.
      place === null ? { held: true as const, heldAt: now } : { open: true as const };
    return {
      batchId,
      ...(place ?? NO_PLACE),
      ...state,
      version: firstVersion(),
      ...EMPTY_LIST,
      lastUpdated: now,
      failure: null,
      ...mark,
    };
  };
}

export const progressFields = (progress: BatchProgress, summary: Summary, version: number, now: Date) => ({
  ...progress,
  version,
  status: statusOf(progress),
  processedEmails: summary.processed,
  summary: JSON.stringify(summary),
  changedAt: now,
});

/** Matches a batch only while it is as it was read: a faster write is not overwritten. */
export const ifUnchanged = ({ batchId, version }: Pick<StoredBatch, 'batchId' | 'version'>) => ({
  batchId,
  version,
});
