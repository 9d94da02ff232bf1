/** What was stored and is not announced yet: read for a flush, and marked as announced; `outbox.ts` finds it. */

import type { mongo } from 'mongoose';
import { clock } from '../../clock.js';
import type { BatchId, FileId, Generation } from '../../domain/id.js';
import type { JsonText } from '../../domain/json-text.js';
import type { PlacedResult } from '../../domain/result.js';
import type { Stats } from '../../domain/stats.js';
import type { BatchVersion } from '../../domain/summary.js';
import { BoundedChanges } from '../bounded-results.js';
import type { RecentLists } from '../recent-lists.js';
import { differenceSince } from '../rewrites.js';
import type { AnnouncedVersions, BatchChanges, FileChanges } from '../store.js';
import { eventsBetween, type StatsEventType } from '../webhook-events.js';
import { findBatches, summaryOf } from './batches/batch-docs.js';
import type { RecentWrites } from './batches/recent-writes.js';
import type { StoredBatch } from './documents/batches.js';
import type { FileDoc, StoredEvent } from './documents/files.js';
import { factsOf } from './generations.js';
import type { Models } from './models.js';
import { UNMARK_FILE } from './outbox.js';
import { placedResults, readConsistently, resultsAt } from './results/batch-reads.js';
import { rollUp } from './rollups.js';

/**
 * The changes of some batches since they were announced. The file is read before the batches: they contain all that it
 * counts; a later change may be announced before it is counted, never the other way round.
 */
export async function changesSince(
  db: Models,
  fileId: FileId,
  wanted: WantedChanges,
  recent: RecentWrites,
): Promise<FileChanges | null> {
  const found = await readFileWithBatches(db, fileId, wanted, recent);
  if (found === null) return null;
  const { file, stored } = found;
  const current = [...wanted.announced].flatMap(([batchId, last]) => {
    const batch = stored.get(batchId);
    const isChanged = batch?.generation === file.generation && batch.version !== last.version;
    return isChanged ? [{ batch, last }] : [];
  });
  const bounded = new BoundedChanges();
  const fitting = current.filter(({ batch, last }) => {
    const fits = bounded.fits(batch.batchId);
    if (fits) bounded.took(changedBytes(batch, last));
    return fits;
  });
  const batches = await Promise.all(
    fitting.map(({ batch, last }) => batchChangesOf(db, batch, last, recent.lists)),
  );
  const times = [file.lastUpdated, ...fitting.map(({ batch }) => batch.changedAt)].map(Number);
  return {
    facts: factsOf({ ...file, lastUpdated: new Date(Math.max(...times)) }),
    changes: file.changes,
    batches: batches.flatMap((batch) => batch ?? []),
    left: bounded.left,
  };
}

/** Bytes of the changed results, as large as those of the list are in the mean. */
const changedBytes = (batch: StoredBatch, last: BatchVersion): number =>
  (batch.bytes * differenceSince(batch, last).positions.length) / Math.max(1, batch.length);

/** As `ChangeStore.since` is asked for them. */
interface WantedChanges {
  readonly announced: ReadonlyMap<BatchId, BatchVersion>;
  readonly saved?: ReadonlySet<BatchId> | undefined;
}

interface FileWithBatches {
  readonly file: FileDoc;
  readonly stored: ReadonlyMap<BatchId, StoredBatch>;
}

/** A file, and then some batches, which may be of another one; null: no such file. */
async function readFileWithBatches(
  db: Models,
  fileId: FileId,
  { announced, saved }: WantedChanges,
  recent: RecentWrites,
): Promise<FileWithBatches | null> {
  const file = await db.files.collection.findOne<FileDoc>({ fileId }, { projection: WITHOUT_LONG_FIELDS });
  if (file === null) return null;
  // Where no batch is named, the count alone says what has changed.
  if (announced.size === 0) return { file: (await rollUp(db, file.generation)) ?? file, stored: new Map() };
  const remembered: [BatchId, StoredBatch][] = [];
  const others: BatchId[] = [];
  for (const [batchId, { version }] of announced) {
    const batch = saved?.has(batchId) ? recent.savedBatch(batchId) : undefined;
    if (batch === undefined) others.push(batchId);
    // Else another gateway has stored and announced a later update.
    else if (batch.version > version) remembered.push([batchId, batch]);
  }
  return { file, stored: new Map([...remembered, ...(await findBatches(db, others))]) };
}

/** What may be long in a file's document, and is not asked for by a flush. */
const WITHOUT_LONG_FIELDS = { _id: 0, pending: 0, events: 0 } as const;

function batchChangesOf(
  db: Models,
  batch: StoredBatch,
  announced: BatchVersion,
  recent: RecentLists,
): Promise<BatchChanges | null> {
  return readConsistently(db, batch, async (current) => {
    const { batchId, version, length, fingerprint } = current;
    const { positions, isShorter } = differenceSince(current, announced);
    let results: PlacedResult[] | null = recent.resultsAt(batchId, fingerprint, positions);
    if (results === null) {
      const stored = await resultsAt(db, current, positions);
      if (stored === null) return null;
      results = placedResults(current, stored);
    }
    const truncated = isShorter ? { batchId, length } : null;
    return { batchId, version, summary: summaryOf(current), results, truncated };
  });
}

/**
 * Keeps a file's stats, unless newer ones of the same epoch are kept already: another gateway may have been faster. The marks
 * of the batches go after that, see announced-marks.ts: if the gateway dies before, they are found, and this is done again.
 */
export async function keepStats(
  db: Models,
  fileId: FileId,
  generation: Generation,
  changes: AnnouncedVersions['changes'],
  stats: JsonText<Stats>,
): Promise<void> {
  const { epoch, revision, status, completedAt, progress, batches, lastUpdated } = stats.parsed();
  const notNewer = { $or: [{ 'statsAt.epoch': { $ne: epoch } }, { 'statsAt.revision': { $lte: revision } }] };
  const set: Partial<FileDoc> = {
    stats: stats.json,
    statsAt: { epoch, revision, stalled: batches.stalled },
    status,
    totalEmails: progress.total,
    totalBatches: batches.total,
    completedBatches: batches.completed,
    completedAt: completedAt === null ? null : new Date(completedAt),
    uncounted: clock.date(),
  };
  const current = { fileId, generation, ...notNewer };
  const keep = {
    $set: set,
    ...(lastUpdated === null ? {} : { $max: { lastUpdated: new Date(lastUpdated) } }),
  };
  await db.files.collection.bulkWrite([
    ...eventWrites(generation, current, stats, set),
    { updateOne: { filter: current, update: keep } },
    ...(changes === null
      ? []
      : [{ updateOne: { filter: { fileId, generation, changes }, update: UNMARK_FILE } }]),
  ]);
}

/**
 * Writes that keep the stats together with an event, where they are one compared to the stats that are kept: of several
 * gateways that announce the same, one stores it.
 */
function eventWrites(
  generation: Generation,
  current: object,
  stats: JsonText<Stats>,
  set: Partial<FileDoc>,
): mongo.AnyBulkWriteOperation[] {
  const { fileId, epoch, revision, status, batches } = stats.parsed();
  const at = clock.now();
  // A purged file has the status already, and no stats yet.
  const hasNewStatus = { $or: [{ status: { $ne: status } }, { stats: null }] };
  const isNew: Record<StatsEventType, object> = {
    'file.completed': hasNewStatus,
    'file.failed': hasNewStatus,
    'file.purged': hasNewStatus,
    'file.stalled': { 'statsAt.stalled': { $not: { $gt: 0 } } },
  };
  return eventsBetween(null, { status, stalled: batches.stalled }).map((type) => {
    const event: StoredEvent = {
      id: `${generation} ${epoch} ${revision} ${type}`,
      type,
      fileId,
      at,
      data: stats.json,
    };
    const update = { $set: { ...set, eventsAt: new Date(at) }, $push: { events: event } };
    // The driver's types know no field of a collection without a schema.
    return { updateOne: { filter: { $and: [current, isNew[type]] }, update: update as object } };
  });
}
