import { trusted } from 'mongoose';
import type { Announced } from '../../domain/summary.js';
import { batchCounts } from '../batch-counts.js';
import { type Rewrite, unannounced } from '../rewrites.js';
import type { BatchCounts, BatchNews, BatchState, BatchStatus, News } from '../store.js';
import { headsOf, summaryOf } from './batch-docs.js';
import type { Batch, FileDoc } from './documents.js';
import type { Held } from './held.js';
import { carryOut } from './intents.js';
import { factsOf, fileOf } from './lives.js';
import type { Models } from './models.js';
import { settle, unsettledLives } from './settling.js';
import { placed } from './shares.js';
import { inOneState, resultsAt } from './spans.js';

/** The file with everything counted that was stored before. */
export async function settledFile(db: Models, fileId: string): Promise<FileDoc | null> {
  const file = await fileOf(db, fileId);
  if (file === null) return null;
  return (await settle(db, file.life)) ? fileOf(db, fileId) : file;
}

/**
 * The count of changes is read before the batches: what is counted is in them, and what comes in between is only told of
 * before it is counted.
 */
export async function news(
  db: Models,
  fileId: string,
  announced: ReadonlyMap<string, Announced>,
): Promise<News | null> {
  const file = await settledFile(db, fileId);
  if (file === null) return null;
  const heads = announced.size === 0 ? new Map<string, Batch>() : await headsOf(db, [...announced.keys()]);
  const batches = await Promise.all(
    [...announced].map(([batchId, known]) => {
      const batch = heads.get(batchId);
      return batch?.life === file.life ? newsOf(db, batch, known) : null;
    }),
  );
  return { facts: factsOf(file), changes: file.changes, batches: batches.flatMap((batch) => batch ?? []) };
}

function newsOf(db: Models, batch: Batch, announced: Announced): Promise<BatchNews | null> {
  if (batch.version === announced.version) return Promise.resolve(null);
  return inOneState(db, batch, async (current) => {
    const { batchId, version, length } = current;
    const positions = unannounced(JSON.parse(current.rewrites) as Rewrite[], length, announced);
    const results = await resultsAt(db, current, positions);
    if (results === null) return null;
    const truncated = length < announced.summary.processed ? { batchId, length } : null;
    return { batchId, version, summary: summaryOf(current), results: placed(current, results), truncated };
  });
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

/** What of the stats other readers of the database find in the file's record. */
interface Known {
  readonly epoch?: unknown;
  readonly revision?: unknown;
  readonly status?: unknown;
  readonly completedAt?: unknown;
  readonly progress?: { readonly total?: unknown };
  readonly batches?: { readonly total?: unknown; readonly completed?: unknown };
}

/** Keeps stats, unless newer ones of the same epoch are kept already: a gateway may be late. */
export async function keepStats(
  db: Models,
  fileId: string,
  life: string,
  changes: number | null,
  stats: string,
): Promise<void> {
  const { epoch, revision, status, completedAt, progress, batches } = JSON.parse(stats) as Known;
  const at = typeof epoch === 'string' && typeof revision === 'number' ? { epoch, revision } : null;
  const notNewer =
    at === null
      ? {}
      : {
          $or: [
            { 'statsAt.epoch': trusted({ $ne: at.epoch }) },
            { 'statsAt.revision': trusted({ $lte: at.revision }) },
          ],
        };
  const set: Partial<FileDoc> = {
    stats,
    ...(at === null ? {} : { statsAt: at }),
    ...(typeof status === 'string' ? { status } : {}),
    ...(typeof progress?.total === 'number' ? { totalEmails: progress.total } : {}),
    ...(typeof batches?.total === 'number' ? { totalBatches: batches.total } : {}),
    ...(typeof batches?.completed === 'number' ? { completedBatches: batches.completed } : {}),
    ...(completedAt === undefined
      ? {}
      : { completedAt: typeof completedAt === 'string' ? new Date(completedAt) : null }),
  };
  await db.files.updateOne({ fileId, life, ...notNewer }, { $set: set });
  // Only if nothing was stored since: then all there is is announced.
  if (changes !== null) await db.files.updateOne({ fileId, life, changes }, { $unset: { unannounced: 1 } });
}

/** The files with changes that nobody may have announced; registrations that somebody left half done are finished first. */
export async function unannouncedFiles(db: Models, held: Held): Promise<string[]> {
  const begun = await db.files
    .find({ 'intent.at': trusted({ $exists: true }) }, { _id: 0 })
    .lean<FileDoc[]>()
    .exec();
  for (const file of begun) if (file.intent !== undefined) await carryOut(db, held, file, file.intent);
  for (const life of await unsettledLives(db)) await settle(db, life);
  const files = await db.files
    .find({ unannounced: true }, { _id: 0, fileId: 1 })
    .lean<Pick<FileDoc, 'fileId'>[]>()
    .exec();
  return files.map(({ fileId }) => fileId);
}
