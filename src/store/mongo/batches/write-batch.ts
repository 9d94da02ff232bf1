import { randomUUID } from 'node:crypto';
import type { UpdateQuery } from 'mongoose';
import { type Summary, summarize, withFlags } from '../../../domain/summary.js';
import type { Update } from '../../../domain/update.js';
import { type BatchProgress, endedByHand, flagsOf, isOpen, progressAfter } from '../../batch-progress.js';
import type { MeasuredList } from '../../recent-lists.js';
import type { BatchDoc, BatchHead } from '../documents.js';
import type { Models } from '../models.js';
import { findBatches, ifUnchanged, progressFields, progressOf, summaryOf } from './batch-docs.js';
import { dropChunks, markUnconfirmed } from './chunks.js';
import { type ListWrite, planList } from './lists.js';

/** What became of a conditional write; `conflict`: the document is not as it was read, so read it again. */
export type WriteOutcome = 'applied' | 'unchanged' | 'conflict';

/** What a store remembers of what it has written, so that it has less to read. */
export interface WriteCache {
  /** The update's list, as `RecentLists` measures it. */
  readonly list: MeasuredList;
  /** Told how the batch is now. */
  written(batch: BatchHead): void;
}

/** Brings an update into its batch. */
export async function applyUpdate(
  db: Models,
  batch: BatchHead,
  update: Update,
  now: Date,
  remembered?: WriteCache,
): Promise<WriteOutcome> {
  const step = progressAfter(progressOf(batch), update);
  if (step === null) {
    if (update.isFound === true) return 'unchanged';
    // Not news, but a sign of life: a second run repeats for a while what its first run said already.
    const { matchedCount } = await db.batches.updateOne(ifUnchanged(batch), {
      $set: { lastUpdated: now, ...refreshHeldAt(batch, now) },
    });
    return matchedCount === 1 ? 'unchanged' : 'conflict';
  }
  const standing = flagsOf(step.progress);
  const layout = step.takesList ? await planList(db, batch, update.results, remembered?.list) : undefined;
  if (layout === null) return 'conflict';
  const summary =
    layout === undefined ? withFlags(summaryOf(batch), standing) : summarize(standing, update.results);
  const news = { lastUpdated: now, ...(step.fails ? { failure: update.failure } : {}) };
  const set = { ...news, ...refreshHeldAt(batch, now) };
  const change = { set, ...(layout === undefined ? {} : { layout }) };
  return writeBatch(db, batch, step.progress, summary, now, change, remembered?.written);
}

/** Ends a batch by hand. */
export async function failBatch(
  db: Models,
  batch: BatchHead,
  reason: string,
  now: Date,
): Promise<WriteOutcome> {
  const ended = endedByHand(progressOf(batch));
  if (ended === null) return 'unchanged';
  return writeProgress(db, batch, ended, now, { lastUpdated: now, failure: reason });
}

/** Writes a batch whose standing has changed, and not its list. */
export function writeProgress(
  db: Models,
  batch: BatchHead,
  progress: BatchProgress,
  now: Date,
  set: Partial<BatchHead> = {},
): Promise<WriteOutcome> {
  return writeBatch(db, batch, progress, withFlags(summaryOf(batch), flagsOf(progress)), now, { set });
}

const refreshHeldAt = ({ held }: BatchHead, now: Date) => (held === true ? { heldAt: now } : {});

interface Change {
  readonly layout?: ListWrite;
  readonly set?: Partial<BatchHead>;
  readonly unset?: Partial<Record<keyof BatchHead, 1>>;
}

/**
 * The one write that a change consists of. Parts of a long list are written before it and dropped after it, so a crash
 * on either side leaves at most chunks that nobody refers to. The marks `pendingRollup` and `unannounced` go with the
 * change: whatever else has to follow from it is done by whoever finds them.
 */
export async function writeBatch(
  db: Models,
  batch: BatchHead,
  progress: BatchProgress,
  summary: Summary,
  now: Date,
  change: Change,
  told?: (batch: BatchHead) => void,
): Promise<WriteOutcome> {
  const { written = [], dropped = [] } = change.layout ?? {};
  await markUnconfirmed(db, dropped);
  const update = updateOf(batch, progress, summary, now, change);
  // Of what is checked already, the driver need not be told in other words: lists may be long.
  const { matchedCount } = await db.batches.collection.updateOne(ifUnchanged(batch), update);
  if (matchedCount > 0) told?.(updated(batch, update));
  await dropChunks(db, matchedCount === 0 ? written : dropped);
  return matchedCount === 0 ? 'conflict' : 'applied';
}

/** A batch as an update has left it. */
function updated(batch: BatchHead, { $set = {}, $unset = {} }: UpdateQuery<BatchDoc>): BatchHead {
  const { results: _, keys: __, ...head } = { ...batch, ...$set } as BatchDoc;
  for (const gone of Object.keys($unset)) delete (head as Record<string, unknown>)[gone];
  return head;
}

function updateOf(
  batch: BatchHead,
  progress: BatchProgress,
  summary: Summary,
  now: Date,
  { layout, set = {}, unset = {} }: Change,
): UpdateQuery<BatchDoc> {
  const owned = (set.generation ?? batch.generation) !== null;
  const open = owned && isOpen(progress);
  const update: UpdateQuery<BatchDoc> = {
    $set: {
      ...progressFields(progress, summary, batch.version + 1, now),
      ...layout?.set,
      ...set,
      ...(open ? { open: true } : {}),
      ...(owned ? { pendingRollup: randomUUID(), unannounced: new Date() } : {}),
    },
  };
  const gone = { ...unset, ...layout?.unset, ...(open ? {} : { open: 1 }) };
  if (Object.keys(gone).length > 0) update.$unset = gone;
  if (layout?.push !== undefined) update.$push = layout.push;
  return update;
}

/** Marks silent batches as stalled, in one go; answers with those that were still as they were read. */
export async function markStalled(db: Models, batches: readonly BatchHead[]): Promise<BatchHead[]> {
  const updates = batches.map((batch) => {
    const progress = { ...progressOf(batch), stalled: true };
    const summary = withFlags(summaryOf(batch), flagsOf(progress));
    // The times stay: they say since when the batch is silent, and its file has not been heard of either.
    const update = updateOf(batch, progress, summary, batch.changedAt, {});
    return { updateOne: { filter: ifUnchanged(batch), update } };
  });
  const { matchedCount } = await db.batches.bulkWrite(updates, { ordered: false });
  if (matchedCount === batches.length) return [...batches];
  const heads = await findBatches(
    db,
    batches.map(({ batchId }) => batchId),
  );
  return batches.filter(({ batchId, version }) => {
    const head = heads.get(batchId);
    return head?.stalled === true && head.version === version + 1;
  });
}
