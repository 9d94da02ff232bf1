/** Changes a batch in one write of its document, on condition that the document is as it was read. */

import { randomUUID } from 'node:crypto';
import type { UpdateQuery } from 'mongoose';
import { clock } from '../../../clock.js';
import type { UserId } from '../../../domain/id.js';
import { type Summary, summarize, withFlags } from '../../../domain/summary.js';
import type { Update } from '../../../domain/update.js';
import {
  type BatchProgress,
  failedByOperator,
  flagsOf,
  isOpen,
  progressAfter,
} from '../../batch-progress.js';
import type { FingerprintedList } from '../../recent-lists.js';
import type { BatchDoc, StoredBatch } from '../documents/batches.js';
import type { Models } from '../models.js';
import {
  findBatches,
  ifUnchanged,
  progressFields,
  progressOf,
  summaryOf,
  withoutList,
} from './batch-docs.js';
import { dropChunks, markUnconfirmed } from './chunks.js';
import { type ListWrite, planList } from './result-lists.js';

/** `conflict`: the document is not as it was read, so the caller reads it again. */
export type WriteOutcome = 'applied' | 'unchanged' | 'conflict';

/** What is known of an update, and a callback that gets the batch as it was written. */
interface WriteCache {
  readonly list?: FingerprintedList;
  /** See `BatchDoc`; left out: the registration is not pending, or any registration may have the update. */
  readonly sentBy?: UserId;
  readonly written?: (batch: StoredBatch) => void;
}

export async function applyUpdate(
  db: Models,
  batch: StoredBatch,
  update: Update,
  now: Date,
  cache?: WriteCache,
): Promise<WriteOutcome> {
  const step = progressAfter(progressOf(batch), update);
  if (step === null) {
    if (update.isFound === true) return 'unchanged';
    // Still a sign that the batch is worked on: a second run repeats for a while what its first run has sent.
    const { matchedCount } = await db.batches.updateOne(ifUnchanged(batch), {
      $set: { lastUpdated: now, ...refreshHeldAt(batch, now) },
    });
    return matchedCount === 1 ? 'unchanged' : 'conflict';
  }
  const { progress } = step;
  const list = step.takesList ? await planList(db, batch, update.results, cache?.list) : undefined;
  if (list === null) return 'conflict';
  const summary =
    list === undefined
      ? withFlags(summaryOf(batch), flagsOf(progress))
      : summarize(flagsOf(progress), update.results);
  const set = {
    lastUpdated: now,
    ...(step.fails ? { failure: update.failure } : {}),
    ...(cache?.sentBy === undefined ? {} : { sentBy: cache.sentBy }),
    ...refreshHeldAt(batch, now),
  };
  const change = { progress, summary, set, ...(list === undefined ? {} : { list }) };
  return writeBatch(db, batch, change, now, cache?.written);
}

/** Ends a batch that will never answer. */
export async function failBatch(
  db: Models,
  batch: StoredBatch,
  reason: string,
  now: Date,
): Promise<WriteOutcome> {
  const progress = failedByOperator(progressOf(batch));
  if (progress === null) return 'unchanged';
  const set = { lastUpdated: now, failure: reason };
  return writeBatch(db, batch, { ...progressChange(batch, progress), set }, now);
}

const refreshHeldAt = ({ held }: StoredBatch, now: Date) => (held === true ? { heldAt: now } : {});

interface BatchChange {
  readonly progress: BatchProgress;
  readonly summary: Summary;
  readonly list?: ListWrite;
  readonly set?: Partial<StoredBatch>;
  readonly unset?: Partial<Record<keyof StoredBatch, 1>>;
}

/** The change of a batch that keeps its list. */
export const progressChange = (batch: StoredBatch, change: Partial<BatchProgress>): BatchChange => {
  const progress = { ...progressOf(batch), ...change };
  return { progress, summary: withFlags(summaryOf(batch), flagsOf(progress)) };
};

/**
 * The one write that a change consists of. Chunks of a long list are written before it and dropped after it, so a crash on
 * either side leaves at most chunks that no batch refers to. The marks `pendingRollup` and `unannounced` go with the
 * change: the gateway that finds one does what has to follow.
 */
export async function writeBatch(
  db: Models,
  batch: StoredBatch,
  change: BatchChange,
  now: Date,
  written?: (batch: StoredBatch) => void,
): Promise<WriteOutcome> {
  const { written: added = [], dropped = [] } = change.list ?? {};
  await markUnconfirmed(db, dropped);
  const update = updateOf(batch, change, now);
  // By the driver: lists may be long, and Mongoose would check each result once more.
  const { matchedCount } = await db.batches.collection.updateOne(ifUnchanged(batch), update);
  if (matchedCount > 0) written?.(updated(batch, update));
  await dropChunks(db, matchedCount === 0 ? added : dropped);
  return matchedCount === 0 ? 'conflict' : 'applied';
}

/** A batch as an update has left it. */
function updated(batch: StoredBatch, { $set = {}, $unset = {} }: UpdateQuery<BatchDoc>): StoredBatch {
  const after = withoutList({ ...batch, ...$set } as BatchDoc);
  for (const field of Object.keys($unset)) delete (after as Record<string, unknown>)[field];
  return after;
}

function updateOf(
  batch: StoredBatch,
  { progress, summary, list, set = {}, unset = {} }: BatchChange,
  now: Date,
): UpdateQuery<BatchDoc> {
  const isRegistered = (set.generation ?? batch.generation) !== null;
  const open = isRegistered && isOpen(progress);
  const update: UpdateQuery<BatchDoc> = {
    $set: {
      ...progressFields(progress, summary, batch.version + 1, now),
      ...list?.set,
      ...set,
      ...(open ? { open: true } : {}),
      ...(isRegistered ? { pendingRollup: randomUUID(), unannounced: clock.date() } : {}),
    },
  };
  const unsetFields = { ...unset, ...list?.unset, ...(open ? {} : { open: 1 }) };
  if (Object.keys(unsetFields).length > 0) update.$unset = unsetFields;
  if (list?.push !== undefined) update.$push = list.push;
  if (list?.addToSet !== undefined) update.$addToSet = list.addToSet;
  return update;
}

/** Marks batches as stalled in one command; answers with those that were still as they were read. */
export async function markStalled(db: Models, batches: readonly StoredBatch[]): Promise<StoredBatch[]> {
  const updates = batches.map((batch) => {
    // The times stay: they say since when the batch is silent, and its file has had no update either.
    const update = updateOf(batch, progressChange(batch, { stalled: true }), batch.changedAt);
    return { updateOne: { filter: ifUnchanged(batch), update } };
  });
  const { matchedCount } = await db.batches.bulkWrite(updates, { ordered: false });
  if (matchedCount === batches.length) return [...batches];
  const current = await findBatches(
    db,
    batches.map(({ batchId }) => batchId),
  );
  return batches.filter(({ batchId, version }) => {
    const batch = current.get(batchId);
    return batch?.stalled === true && batch.version === version + 1;
  });
}
