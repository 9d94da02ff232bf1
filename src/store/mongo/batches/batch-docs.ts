/** Reads the documents of batches, and makes new ones. */

import { randomInt } from 'node:crypto';
import type { QueryFilter } from 'mongoose';
import type { BatchId, FileId, Generation, RequestId } from '../../../domain/id.js';
import { type Summary, waitingSummary } from '../../../domain/summary.js';
import { type BatchProgress, initialProgress, statusOf } from '../../batch-progress.js';
import { type BatchDoc, type BatchHead, batches } from '../documents/batches.js';
import { fieldsOf } from '../documents/schema.js';
import { findDocs, type Models, type ReadOptions } from '../models.js';
import { EMPTY_LIST } from './result-lists.js';

const LIST = new Set(['cells', 'keys', 'domains', 'results']);

/** Every field but the list. By name: to leave out the others, some databases decode the whole list. */
export const HEAD_FIELDS: Readonly<Record<string, 0 | 1>> = {
  _id: 0,
  ...Object.fromEntries(fieldsOf(batches).flatMap((name) => (LIST.has(name) ? [] : [[name, 1]]))),
};

/** The batch alone of a document that has its list. */
export function headOf({ cells: _, keys: __, domains: ___, results: ____, ...head }: BatchDoc): BatchHead {
  return head;
}

/** By the driver: every update asks this, and Mongoose would double the time that it takes. */
export const findBatch = (db: Models, batchId: BatchId): Promise<BatchHead | null> =>
  db.batches.collection.findOne<BatchHead>({ batchId }, { projection: HEAD_FIELDS });

/** Batches without their lists. */
export const findHeads = (
  db: Models,
  filter: QueryFilter<BatchDoc>,
  options: Omit<ReadOptions, 'projection'> = {},
): Promise<BatchHead[]> => findDocs(db.batches, filter, { ...options, projection: HEAD_FIELDS });

/** Ids in one query: it has to fit into a document, too. */
const IDS_AT_ONCE = 1_000;

export async function findBatches(
  db: Models,
  batchIds: readonly BatchId[],
): Promise<Map<BatchId, BatchHead>> {
  const heads = new Map<BatchId, BatchHead>();
  for (let start = 0; start < batchIds.length; start += IDS_AT_ONCE) {
    const ids = batchIds.slice(start, start + IDS_AT_ONCE);
    const some = await db.batches.collection
      .find<BatchHead>({ batchId: { $in: ids } }, { projection: HEAD_FIELDS })
      .toArray();
    for (const head of some) heads.set(head.batchId, head);
  }
  return heads;
}

export const summaryOf = ({ summary }: Pick<BatchHead, 'summary'>): Summary => JSON.parse(summary) as Summary;

export const progressOf = (batch: BatchHead): BatchProgress => ({
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
export function freshBatch(
  batchId: BatchId,
  place: BatchPlace | null,
  totalEmails: number | null,
  now: Date,
): BatchDoc {
  const progress = initialProgress(totalEmails);
  const state = progressFields(progress, waitingSummary(totalEmails), firstVersion(), now);
  const mark =
    // That it was registered, its file's document says: a mark for each of many batches would be removed one by one.
    place === null ? { held: true as const, heldAt: now } : { open: true as const };
  return {
    batchId,
    ...(place ?? NO_PLACE),
    ...state,
    ...EMPTY_LIST,
    lastUpdated: now,
    failure: null,
    ...mark,
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
export const ifUnchanged = ({ batchId, version }: Pick<BatchHead, 'batchId' | 'version'>) => ({
  batchId,
  version,
});
