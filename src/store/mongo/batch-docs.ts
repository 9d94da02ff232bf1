import { randomInt } from 'node:crypto';
import { NOTHING, restand, type Summary } from '../../domain/summary.js';
import { type Progress, standingOf, statusOf, waiting } from '../batch-progress.js';
import type { Batch, BatchDoc } from './documents.js';
import { EMPTY } from './lists.js';
import type { Models } from './models.js';

/** Every field but the list. */
export const HEAD = { _id: 0, keys: 0, results: 0 } as const;

/** Asked of the driver itself, as whatever every update asks for: Mongoose would take as long over it once more. */
export const headOf = (db: Models, batchId: string): Promise<Batch | null> =>
  db.batches.collection.findOne<Batch>({ batchId }, { projection: HEAD });

/** Ids asked for in one go: the question has to fit into a document, too. */
const IDS_AT_ONCE = 4_000;

export async function headsOf(db: Models, batchIds: readonly string[]): Promise<Map<string, Batch>> {
  const heads = new Map<string, Batch>();
  for (let start = 0; start < batchIds.length; start += IDS_AT_ONCE) {
    const ids = batchIds.slice(start, start + IDS_AT_ONCE);
    const some = await db.batches.collection
      .find<Batch>({ batchId: { $in: ids } }, { projection: HEAD })
      .toArray();
    for (const head of some) heads.set(head.batchId, head);
  }
  return heads;
}

export const summaryOf = ({ summary }: Pick<Batch, 'summary'>): Summary => JSON.parse(summary) as Summary;

export const progressOf = (batch: Batch): Progress => ({
  begun: batch.begun,
  complete: batch.complete,
  stalled: batch.stalled,
  failedAt: batch.failedAt,
  totalEmails: batch.totalEmails,
  processedCount: batch.processedCount,
});

/** Whose a batch is, and in which order it came; null: nobody's, its list is held. */
export interface Place {
  readonly fileId: string;
  readonly requestId: string | null;
  readonly life: string;
  readonly ordinal: number;
}

/** Versions count from anywhere: a batch that was removed and comes again is never taken for the one that it was. */
const firstVersion = (): number => randomInt(1, 2 ** 47);

const NOWHERE = { fileId: null, requestId: null, life: null, ordinal: null };

/** The document of a batch that nothing was heard of. */
export function freshBatch(
  batchId: string,
  place: Place | null,
  totalEmails: number | null,
  now: Date,
): BatchDoc {
  const progress = waiting(totalEmails);
  const state = stateOf(progress, restand(NOTHING, standingOf(progress)), firstVersion(), now);
  const mark =
    place === null ? { held: true as const, heldAt: now } : { open: true as const, unannounced: now };
  return { batchId, ...(place ?? NOWHERE), ...state, ...EMPTY, lastUpdated: now, failure: null, ...mark };
}

/** What of a batch follows from how far it is. */
export const stateOf = (progress: Progress, summary: Summary, version: number, now: Date) => ({
  ...progress,
  version,
  status: statusOf(progress),
  processedEmails: summary.processed,
  summary: JSON.stringify(summary),
  changedAt: now,
});

/** The one document, as long as it is as it was read: whoever was faster is not overwritten. */
export const asRead = ({ batchId, version }: Pick<Batch, 'batchId' | 'version'>) => ({ batchId, version });
