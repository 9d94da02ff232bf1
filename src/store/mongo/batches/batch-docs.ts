import { randomInt } from 'node:crypto';
import { EMPTY_SUMMARY, type Summary, withFlags } from '../../../domain/summary.js';
import { type BatchProgress, flagsOf, statusOf, unheardOf } from '../../batch-progress.js';
import type { BatchDoc, BatchHead } from '../documents.js';
import type { Models } from '../models.js';
import { EMPTY } from './lists.js';

/** Every field but the list. */
export const WITHOUT_LIST = { _id: 0, keys: 0, results: 0 } as const;

/** Asked of the driver itself, as whatever every update asks for: Mongoose would take as long over it once more. */
export const findBatch = (db: Models, batchId: string): Promise<BatchHead | null> =>
  db.batches.collection.findOne<BatchHead>({ batchId }, { projection: WITHOUT_LIST });

/** Ids asked for in one go: the question has to fit into a document, too. */
const IDS_AT_ONCE = 4_000;

export async function findBatches(db: Models, batchIds: readonly string[]): Promise<Map<string, BatchHead>> {
  const heads = new Map<string, BatchHead>();
  for (let start = 0; start < batchIds.length; start += IDS_AT_ONCE) {
    const ids = batchIds.slice(start, start + IDS_AT_ONCE);
    const some = await db.batches.collection
      .find<BatchHead>({ batchId: { $in: ids } }, { projection: WITHOUT_LIST })
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
  failedAt: batch.failedAt,
  totalEmails: batch.totalEmails,
  processedCount: batch.processedCount,
});

/** Whose a batch is, and in which order it came; null: nobody's, its list is held. */
export interface BatchPlace {
  readonly fileId: string;
  readonly requestId: string | null;
  readonly generation: string;
  readonly ordinal: number;
}

/** Versions count from anywhere: a batch that was removed and comes again is never taken for the one that it was. */
const firstVersion = (): number => randomInt(1, 2 ** 47);

const NO_PLACE = { fileId: null, requestId: null, generation: null, ordinal: null };

/** The document of a batch that nothing was heard of. */
export function freshBatch(
  batchId: string,
  place: BatchPlace | null,
  totalEmails: number | null,
  now: Date,
): BatchDoc {
  const progress = unheardOf(totalEmails);
  const state = progressFields(progress, withFlags(EMPTY_SUMMARY, flagsOf(progress)), firstVersion(), now);
  const mark =
    place === null ? { held: true as const, heldAt: now } : { open: true as const, unannounced: now };
  return { batchId, ...(place ?? NO_PLACE), ...state, ...EMPTY, lastUpdated: now, failure: null, ...mark };
}

/** What of a batch follows from how far it is. */
export const progressFields = (progress: BatchProgress, summary: Summary, version: number, now: Date) => ({
  ...progress,
  version,
  status: statusOf(progress),
  processedEmails: summary.processed,
  summary: JSON.stringify(summary),
  changedAt: now,
});

/** The one document, as long as it is as it was read: whoever was faster is not overwritten. */
export const ifUnchanged = ({ batchId, version }: Pick<BatchHead, 'batchId' | 'version'>) => ({
  batchId,
  version,
});
