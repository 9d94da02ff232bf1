import type { PlacedResult } from '../../domain/result.js';
import type { Announced } from '../../domain/summary.js';
import { batchCounts } from '../batch-counts.js';
import type { RecentLists } from '../recent-lists.js';
import { type Rewrite, unannounced } from '../rewrites.js';
import type { BatchCounts, BatchNews, BatchState, BatchStatus, News } from '../store.js';
import { headsOf, summaryOf } from './batch-docs.js';
import type { Batch, FileDoc } from './documents.js';
import { factsOf, fileOf } from './lives.js';
import type { Models } from './models.js';
import type { Recently } from './recently.js';
import { NOTHING_SETTLED, type Settled, settle } from './settling.js';
import { placed } from './shares.js';
import { inOneState, resultsAt } from './spans.js';

/** The file with everything counted that was stored before. */
export async function settledFile(db: Models, fileId: string): Promise<FileDoc | null> {
  const file = await fileOf(db, fileId);
  if (file === null) return null;
  return (await settle(db, file.life)).file ?? file;
}

/**
 * The count of changes is read before the batches: what is counted is in them, and what comes in between is only told of
 * before it is counted. A batch that was written here last is not read at all where it has not changed around that count.
 */
export async function news(
  db: Models,
  fileId: string,
  announced: ReadonlyMap<string, Announced>,
  recent: Recently,
): Promise<News | null> {
  const batchIds = [...announced.keys()];
  const left = batchIds.flatMap((batchId) => recent.heads.get(batchId) ?? []);
  const counted = await countedFile(db, fileId, left[0]?.life ?? null);
  if (counted === null) return null;
  const { file, unchanged } = counted;
  const known = left.filter(({ unsettled }) => unsettled !== undefined && unchanged.has(unsettled));
  const heads = new Map(known.map((batch) => [batch.batchId, batch]));
  const others = batchIds.filter((batchId) => !heads.has(batchId));
  if (others.length > 0) for (const [batchId, batch] of await headsOf(db, others)) heads.set(batchId, batch);
  const batches = await Promise.all(
    [...announced].map(([batchId, told]) => {
      const batch = heads.get(batchId);
      return batch?.life === file.life ? newsOf(db, batch, told, recent.lists) : null;
    }),
  );
  return { facts: factsOf(file), changes: file.changes, batches: batches.flatMap((batch) => batch ?? []) };
}

/** The file with everything counted that was stored before; `life`: the one that is likely to stand. */
async function countedFile(
  db: Models,
  fileId: string,
  life: string | null,
): Promise<(Settled & { file: FileDoc }) | null> {
  const likely = life === null ? NOTHING_SETTLED : await settle(db, life);
  if (likely.file?.fileId === fileId) return { ...likely, file: likely.file };
  const file = await fileOf(db, fileId);
  if (file === null) return null;
  const settled = file.life === life ? NOTHING_SETTLED : await settle(db, file.life);
  return { ...settled, file: settled.file ?? file };
}

function newsOf(
  db: Models,
  batch: Batch,
  announced: Announced,
  recent: RecentLists,
): Promise<BatchNews | null> {
  if (batch.version === announced.version) return Promise.resolve(null);
  return inOneState(db, batch, async (current) => {
    const { batchId, version, length, fingerprint } = current;
    const { positions, isShorter } = unannounced(
      JSON.parse(current.rewrites) as Rewrite[],
      length,
      announced,
    );
    const found = recent.placed(batchId, fingerprint, positions) ?? (await placedAt(db, current, positions));
    if (found === null) return null;
    const truncated = isShorter ? { batchId, length } : null;
    return { batchId, version, summary: summaryOf(current), results: found, truncated };
  });
}

async function placedAt(
  db: Models,
  batch: Batch,
  positions: readonly number[],
): Promise<PlacedResult[] | null> {
  const results = await resultsAt(db, batch, positions);
  return results === null ? null : placed(batch, results);
}

type Listed = Pick<Batch, 'batchId' | 'version' | 'status' | 'lastUpdated' | 'summary'>;

/** All batches of the life that stands, before and after they were read: else some of them may be gone already. */
export async function batchStates(db: Models, fileId: string): Promise<BatchState[]> {
  for (let life = await lifeIn(db, fileId); life !== null; ) {
    const batches = await db.batches
      .find({ life }, { _id: 0, batchId: 1, version: 1, status: 1, lastUpdated: 1, summary: 1 })
      .sort({ ordinal: 1 })
      .lean<Listed[]>()
      .exec();
    const current = await lifeIn(db, fileId);
    if (current === life) return batches.map(stateOf);
    life = current;
  }
  return [];
}

type Group = { _id: BatchStatus; count: number; since: Date };

export async function countBatches(db: Models, fileId: string): Promise<BatchCounts> {
  for (let life = await lifeIn(db, fileId); life !== null; ) {
    const groups = await db.batches.aggregate<Group>([
      { $match: { life } },
      { $group: { _id: '$status', count: { $sum: 1 }, since: { $min: '$lastUpdated' } } },
    ]);
    const current = await lifeIn(db, fileId);
    if (current === life) {
      return batchCounts(groups.map(({ _id, count, since }) => ({ status: _id, count, since: +since })));
    }
    life = current;
  }
  return batchCounts([]);
}

const lifeIn = async (db: Models, fileId: string): Promise<string | null> =>
  (await fileOf(db, fileId))?.life ?? null;

const stateOf = (batch: Listed): BatchState => ({
  batchId: batch.batchId,
  version: batch.version,
  summary: summaryOf(batch),
  status: batch.status,
  lastUpdated: batch.lastUpdated.toISOString(),
});
