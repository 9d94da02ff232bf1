import { randomUUID } from 'node:crypto';
import type { UpdateQuery } from 'mongoose';
import { restand, type Summary, summarize } from '../../domain/summary.js';
import type { Update } from '../../domain/update.js';
import { endedByHand, isOpen, type Progress, standingOf, stepOf } from '../batch-progress.js';
import type { MeasuredList } from '../recent-lists.js';
import { asRead, headsOf, progressOf, stateOf, summaryOf } from './batch-docs.js';
import type { Batch, BatchDoc } from './documents.js';
import { type Layout, layOut } from './lists.js';
import type { Models } from './models.js';
import { dropParts, loosen } from './parts.js';

/** What became of a conditional write; `conflict`: the document is not as it was read, so read it again. */
export type Written = 'applied' | 'unchanged' | 'conflict';

/** What a store remembers of what it has written, so that it has less to read. */
export interface Remembered {
  /** The update's list, as `RecentLists` measures it. */
  readonly list: MeasuredList;
  /** Told how the batch is now. */
  written(batch: Batch): void;
}

/** Brings an update into its batch. */
export async function applyUpdate(
  db: Models,
  batch: Batch,
  update: Update,
  now: Date,
  remembered?: Remembered,
): Promise<Written> {
  const step = stepOf(progressOf(batch), update);
  if (step === null) {
    if (update.isFound === true) return 'unchanged';
    // Not news, but a sign of life: a second run repeats for a while what its first run said already.
    const { matchedCount } = await db.batches.updateOne(asRead(batch), {
      $set: { lastUpdated: now, ...heldSince(batch, now) },
    });
    return matchedCount === 1 ? 'unchanged' : 'conflict';
  }
  const standing = standingOf(step.progress);
  const layout = step.takesList ? await layOut(db, batch, update.results, remembered?.list) : undefined;
  if (layout === null) return 'conflict';
  const summary =
    layout === undefined ? restand(summaryOf(batch), standing) : summarize(standing, update.results);
  const news = { lastUpdated: now, ...(step.fails ? { failure: update.failure } : {}) };
  const set = { ...news, ...heldSince(batch, now) };
  const change = { set, ...(layout === undefined ? {} : { layout }) };
  return write(db, batch, step.progress, summary, now, change, remembered?.written);
}

/** Ends a batch by hand. */
export async function failBatch(db: Models, batch: Batch, reason: string, now: Date): Promise<Written> {
  const ended = endedByHand(progressOf(batch));
  if (ended === null) return 'unchanged';
  return restandBatch(db, batch, ended, now, { lastUpdated: now, failure: reason });
}

/** Writes a batch whose standing has changed, and not its list. */
export function restandBatch(
  db: Models,
  batch: Batch,
  progress: Progress,
  now: Date,
  set: Partial<Batch> = {},
): Promise<Written> {
  return write(db, batch, progress, restand(summaryOf(batch), standingOf(progress)), now, { set });
}

const heldSince = ({ held }: Batch, now: Date) => (held === true ? { heldAt: now } : {});

interface Change {
  readonly layout?: Layout;
  readonly set?: Partial<Batch>;
  readonly unset?: Partial<Record<keyof Batch, 1>>;
}

/**
 * The one write that a change consists of. Parts of a long list are written before it and dropped after it, so a crash
 * on either side leaves at most parts that nobody refers to. The marks `unsettled` and `unannounced` go with the
 * change: whatever else has to follow from it is done by whoever finds them.
 */
export async function write(
  db: Models,
  batch: Batch,
  progress: Progress,
  summary: Summary,
  now: Date,
  change: Change,
  told?: (batch: Batch) => void,
): Promise<Written> {
  const { written = [], dropped = [] } = change.layout ?? {};
  await loosen(db, dropped);
  const update = updateOf(batch, progress, summary, now, change);
  // Of what is checked already, the driver need not be told in other words: lists may be long.
  const { matchedCount } = await db.batches.collection.updateOne(asRead(batch), update);
  if (matchedCount > 0) told?.(updated(batch, update));
  await dropParts(db, matchedCount === 0 ? written : dropped);
  return matchedCount === 0 ? 'conflict' : 'applied';
}

/** A batch as an update has left it. */
function updated(batch: Batch, { $set = {}, $unset = {} }: UpdateQuery<BatchDoc>): Batch {
  const { results: _, keys: __, ...head } = { ...batch, ...$set } as BatchDoc;
  for (const gone of Object.keys($unset)) delete (head as Record<string, unknown>)[gone];
  return head;
}

function updateOf(
  batch: Batch,
  progress: Progress,
  summary: Summary,
  now: Date,
  { layout, set = {}, unset = {} }: Change,
): UpdateQuery<BatchDoc> {
  const owned = (set.life ?? batch.life) !== null;
  const open = owned && isOpen(progress);
  const update: UpdateQuery<BatchDoc> = {
    $set: {
      ...stateOf(progress, summary, batch.version + 1, now),
      ...layout?.set,
      ...set,
      ...(open ? { open: true } : {}),
      ...(owned ? { unsettled: randomUUID(), unannounced: new Date() } : {}),
    },
  };
  const gone = { ...unset, ...layout?.unset, ...(open ? {} : { open: 1 }) };
  if (Object.keys(gone).length > 0) update.$unset = gone;
  if (layout?.push !== undefined) update.$push = layout.push;
  return update;
}

/** Marks silent batches as stalled, in one go; answers with those that were still as they were read. */
export async function markStalled(db: Models, batches: readonly Batch[]): Promise<Batch[]> {
  const updates = batches.map((batch) => {
    const progress = { ...progressOf(batch), stalled: true };
    const summary = restand(summaryOf(batch), standingOf(progress));
    // The times stay: they say since when the batch is silent, and its file has not been heard of either.
    const update = updateOf(batch, progress, summary, batch.changedAt, {});
    return { updateOne: { filter: asRead(batch), update } };
  });
  const { matchedCount } = await db.batches.bulkWrite(updates, { ordered: false });
  if (matchedCount === batches.length) return [...batches];
  const heads = await headsOf(
    db,
    batches.map(({ batchId }) => batchId),
  );
  return batches.filter(({ batchId, version }) => {
    const head = heads.get(batchId);
    return head?.stalled === true && head.version === version + 1;
  });
}
