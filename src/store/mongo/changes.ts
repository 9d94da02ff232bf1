import type { PlacedResult } from '../../domain/result.js';
import type { AnnouncedBatch } from '../../domain/summary.js';
import { batchCounts } from '../batch-counts.js';
import type { RecentLists } from '../recent-lists.js';
import { differenceSince, type Rewrite } from '../rewrites.js';
import type { BatchChanges, BatchCounts, BatchState, BatchStatus, FileChanges } from '../store.js';
import { findBatches, summaryOf } from './batches/batch-docs.js';
import type { RecentWrites } from './batches/recent-writes.js';
import type { BatchHead, FileDoc } from './documents.js';
import { factsOf, findFile } from './generations.js';
import type { Models } from './models.js';
import { placedResults } from './page-slices.js';
import { readConsistently, resultsAt } from './range-reads.js';
import { NOTHING_ROLLED_UP, type RolledUp, rollUp } from './rolling-up.js';

/** The file with everything counted that was stored before. */
export async function rolledUpFile(db: Models, fileId: string): Promise<FileDoc | null> {
  const file = await findFile(db, fileId);
  if (file === null) return null;
  return (await rollUp(db, file.generation)).file ?? file;
}

/**
 * The count of changes is read before the batches: what is counted is in them, and what comes in between is only told of
 * before it is counted. A batch that was written here last is not read at all where it has not changed around that count.
 */
export async function changesSince(
  db: Models,
  fileId: string,
  announced: ReadonlyMap<string, AnnouncedBatch>,
  recent: RecentWrites,
): Promise<FileChanges | null> {
  const batchIds = [...announced.keys()];
  const left = batchIds.flatMap((batchId) => recent.heads.get(batchId) ?? []);
  const counted = await likelyFile(db, fileId, left[0]?.generation ?? null);
  if (counted === null) return null;
  const { file, unchanged } = counted;
  const known = left.filter(
    ({ pendingRollup }) => pendingRollup !== undefined && unchanged.has(pendingRollup),
  );
  const heads = new Map(known.map((batch) => [batch.batchId, batch]));
  const others = batchIds.filter((batchId) => !heads.has(batchId));
  if (others.length > 0)
    for (const [batchId, batch] of await findBatches(db, others)) heads.set(batchId, batch);
  const batches = await Promise.all(
    [...announced].map(([batchId, told]) => {
      const batch = heads.get(batchId);
      return batch?.generation === file.generation ? batchChangesOf(db, batch, told, recent.lists) : null;
    }),
  );
  return { facts: factsOf(file), changes: file.changes, batches: batches.flatMap((batch) => batch ?? []) };
}

/** The file with everything counted that was stored before; `generation`: the one that is likely to stand. */
async function likelyFile(
  db: Models,
  fileId: string,
  generation: string | null,
): Promise<(RolledUp & { file: FileDoc }) | null> {
  const likely = generation === null ? NOTHING_ROLLED_UP : await rollUp(db, generation);
  if (likely.file?.fileId === fileId) return { ...likely, file: likely.file };
  const file = await findFile(db, fileId);
  if (file === null) return null;
  const settled = file.generation === generation ? NOTHING_ROLLED_UP : await rollUp(db, file.generation);
  return { ...settled, file: settled.file ?? file };
}

function batchChangesOf(
  db: Models,
  batch: BatchHead,
  announced: AnnouncedBatch,
  recent: RecentLists,
): Promise<BatchChanges | null> {
  if (batch.version === announced.version) return Promise.resolve(null);
  return readConsistently(db, batch, async (current) => {
    const { batchId, version, length, fingerprint } = current;
    const { positions, isShorter } = differenceSince(
      JSON.parse(current.rewrites) as Rewrite[],
      length,
      announced,
    );
    const found =
      recent.resultsAt(batchId, fingerprint, positions) ?? (await placedAt(db, current, positions));
    if (found === null) return null;
    const truncated = isShorter ? { batchId, length } : null;
    return { batchId, version, summary: summaryOf(current), results: found, truncated };
  });
}

async function placedAt(
  db: Models,
  batch: BatchHead,
  positions: readonly number[],
): Promise<PlacedResult[] | null> {
  const results = await resultsAt(db, batch, positions);
  return results === null ? null : placedResults(batch, results);
}

type BatchStateFields = Pick<BatchHead, 'batchId' | 'version' | 'status' | 'lastUpdated' | 'summary'>;

/** All batches of the generation that stands, before and after they were read: else some of them may be gone already. */
export async function batchStates(db: Models, fileId: string): Promise<BatchState[]> {
  for (let generation = await currentGeneration(db, fileId); generation !== null; ) {
    const batches = await db.batches
      .find({ generation }, { _id: 0, batchId: 1, version: 1, status: 1, lastUpdated: 1, summary: 1 })
      .sort({ ordinal: 1 })
      .lean<BatchStateFields[]>()
      .exec();
    const current = await currentGeneration(db, fileId);
    if (current === generation) return batches.map(stateOf);
    generation = current;
  }
  return [];
}

type Group = { _id: BatchStatus; count: number; since: Date };

export async function countBatches(db: Models, fileId: string): Promise<BatchCounts> {
  for (let generation = await currentGeneration(db, fileId); generation !== null; ) {
    const groups = await db.batches.aggregate<Group>([
      { $match: { generation } },
      { $group: { _id: '$status', count: { $sum: 1 }, since: { $min: '$lastUpdated' } } },
    ]);
    const current = await currentGeneration(db, fileId);
    if (current === generation) {
      return batchCounts(groups.map(({ _id, count, since }) => ({ status: _id, count, since: +since })));
    }
    generation = current;
  }
  return batchCounts([]);
}

const currentGeneration = async (db: Models, fileId: string): Promise<string | null> =>
  (await findFile(db, fileId))?.generation ?? null;

const stateOf = (batch: BatchStateFields): BatchState => ({
  batchId: batch.batchId,
  version: batch.version,
  summary: summaryOf(batch),
  status: batch.status,
  lastUpdated: batch.lastUpdated.toISOString(),
});
