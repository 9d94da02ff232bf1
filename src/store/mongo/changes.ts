/** What was stored and is not announced yet: read for a flush, marked as announced, and found by the sweep. */

import { type mongo, trusted } from 'mongoose';
import { clock } from '../../clock.js';
import type { BatchId, FileId, Generation } from '../../domain/id.js';
import type { JsonText } from '../../domain/json-text.js';
import type { PlacedResult } from '../../domain/result.js';
import type { Stats } from '../../domain/stats.js';
import type { BatchVersion } from '../../domain/summary.js';
import type { RecentLists } from '../recent-lists.js';
import { differenceSince } from '../rewrites.js';
import type { AnnouncedVersions, BatchChanges, FileChanges, Unannounced } from '../store.js';
import { eventsBetween } from '../webhook-events.js';
import { findBatches, summaryOf, WITHOUT_LIST } from './batches/batch-docs.js';
import type { HeldUpdates } from './batches/held-updates.js';
import type { BatchDoc, BatchHead, FileDoc, StoredEvent } from './documents.js';
import { factsOf, filesOfGenerations, findFile } from './generations.js';
import { findFields, type Models } from './models.js';
import { completeRegistration } from './registration/pending-registrations.js';
import { placedResults, readConsistently, resultsAt } from './results/batch-reads.js';
import { rollUp } from './rollups.js';

/** Marks read in one go; the next call reads the next ones. */
const MARKS_AT_ONCE = 1_000;
/** More batches than this have their marks removed in one command. */
const MANY = 64;
/** Batches that are read together with their file, at most: some databases take long to join many. */
const JOINED = 64;
/** The latest time that a date can be. */
const MAX_TIME = 8.64e15;

/**
 * The changes of some batches since they were announced. The file is read before the batches: they contain all that it
 * counts; a later change may be announced before it is counted, never the other way round.
 */
export async function changesSince(
  db: Models,
  fileId: FileId,
  announced: ReadonlyMap<BatchId, BatchVersion>,
  recent: RecentLists,
): Promise<FileChanges | null> {
  const found = await readFileWithBatches(db, fileId, [...announced.keys()]);
  if (found === null) return null;
  const { file, heads } = found;
  const current = [...announced].flatMap(([batchId, last]) => {
    const batch = heads.get(batchId);
    const isChanged = batch?.generation === file.generation && batch.version !== last.version;
    return isChanged ? [{ batch, last }] : [];
  });
  const batches = await Promise.all(
    current.map(({ batch, last }) => batchChangesOf(db, batch, last, recent)),
  );
  const times = [file.lastUpdated, ...current.map(({ batch }) => batch.changedAt)].map(Number);
  return {
    facts: factsOf({ ...file, lastUpdated: new Date(Math.max(...times)) }),
    changes: file.changes,
    batches: batches.flatMap((batch) => batch ?? []),
  };
}

interface FileWithBatches {
  readonly file: FileDoc;
  readonly heads: ReadonlyMap<BatchId, BatchHead>;
}

/** A file, and then some batches, which may be of another one; null: no such file. */
async function readFileWithBatches(
  db: Models,
  fileId: FileId,
  batchIds: readonly BatchId[],
): Promise<FileWithBatches | null> {
  if (batchIds.length > 0 && batchIds.length <= JOINED) return joinFileWithBatches(db, fileId, batchIds);
  const file = await findFile(db, fileId);
  if (file === null) return null;
  if (batchIds.length > 0) return { file, heads: await findBatches(db, batchIds) };
  // Where no batch is named, the count alone says what has changed.
  return { file: (await rollUp(db, file.generation)) ?? file, heads: new Map() };
}

/** In one command: this is what every flush reads. Each batch comes with the file, so what is large of a file is left out. */
async function joinFileWithBatches(
  db: Models,
  fileId: FileId,
  batchIds: readonly BatchId[],
): Promise<FileWithBatches | null> {
  const joined = await db.files.collection
    .aggregate<FileDoc & { batch?: BatchHead }>([
      { $match: { fileId } },
      { $set: { batchIds: { $literal: batchIds } } },
      // Without a pipeline of its own: some databases use no index for one that has.
      {
        $lookup: {
          from: db.batches.collection.name,
          localField: 'batchIds',
          foreignField: 'batchId',
          as: 'batch',
        },
      },
      // Behind it, so that no document has to hold the lists of all batches.
      { $unwind: { path: '$batch', preserveNullAndEmptyArrays: true } },
      { $project: { _id: 0, batchIds: 0, pending: 0, events: 0, ...WITHOUT_BATCH_LIST } },
    ])
    .toArray();
  const heads = joined.flatMap(({ batch }): [BatchId, BatchHead][] =>
    batch === undefined ? [] : [[batch.batchId, batch]],
  );
  const [first] = joined;
  return first === undefined ? null : { file: first, heads: new Map(heads) };
}

const WITHOUT_BATCH_LIST = Object.fromEntries(
  Object.keys(WITHOUT_LIST).map((field) => [`batch.${field}`, 0 as const]),
);

function batchChangesOf(
  db: Models,
  batch: BatchHead,
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
 * Keeps a file's stats, unless newer ones of the same epoch are kept already: another gateway may have been faster. Then the
 * marks of the batches go: if the gateway dies in between, they are found, and this is done again.
 */
export async function markAnnounced(
  db: Models,
  fileId: FileId,
  generation: Generation,
  announced: AnnouncedVersions,
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
  const { changes, batches: versions } = announced;
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
  if (versions.size === 0) return;
  if (versions.size > MANY) {
    // Most of them are newly registered, and have no mark. Versions begin at random, so one batch's is hardly another's.
    const [batchId, version] = [{ $in: [...versions.keys()] }, { $in: [...versions.values()] }];
    await db.batches.collection.updateMany(
      { batchId, version, generation, unannounced: { $exists: true } },
      UNMARK,
    );
    return;
  }
  const marks = [...versions].map(([batchId, version]) => ({
    updateOne: { filter: { batchId, version, generation }, update: UNMARK },
  }));
  await db.batches.collection.bulkWrite(marks, { ordered: false });
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
  const isNew = {
    'file.stalled': { 'statsAt.stalled': { $not: { $gt: 0 } } },
    // A purged file has the status already, and no stats yet.
    ended: { $or: [{ status: { $ne: status } }, { stats: null }] },
  };
  return eventsBetween(null, { status, stalled: batches.stalled }).map((type) => {
    const filter = type === 'file.stalled' ? isNew[type] : isNew.ended;
    const event: StoredEvent = {
      id: `${generation} ${epoch} ${revision} ${type}`,
      type,
      fileId,
      at,
      data: stats.json,
    };
    const update = { $set: { ...set, eventsAt: new Date(at) }, $push: { events: event } };
    // The driver's types know no field of a collection without a schema.
    return { updateOne: { filter: { $and: [current, filter] }, update: update as object } };
  });
}

/** Removes a mark: of a batch only if none of its changes was stored since, and of the file only if none at all was. */
const UNMARK = { $unset: { unannounced: 1 } } as const;
const UNMARK_FILE = { $unset: { unannounced: 1, unannouncedFrom: 1 } } as const;

/** The batches of a file whose registration may not be announced. */
async function registeredUnannounced(
  db: Models,
  { generation, unannouncedFrom }: Pick<FileDoc, 'generation' | 'unannouncedFrom'>,
): Promise<BatchId[]> {
  if (unannouncedFrom === undefined) return [];
  const ordinal = trusted({ $gte: unannouncedFrom });
  const batches = await findFields(db.batches, { generation, ordinal }, ['batchId']);
  return batches.map(({ batchId }) => batchId);
}

/** The marks of one file: its own, and those of its batches. A registration that is half done has not been answered. */
export async function pendingChanges(db: Models, fileId: FileId): Promise<BatchId[] | null | undefined> {
  const file = await findFile(db, fileId);
  if (file === null) return undefined;
  const marked = await markedBatches(db, [file.generation]);
  return marked.length > 0 || file.unannounced !== undefined ? marked.map(({ batchId }) => batchId) : null;
}

/** A batch with a change that may not be announced. */
export type MarkedBatch = Pick<BatchDoc, 'batchId' | 'generation'>;

/** The batches with marks of some generations. Only the index of marks is read: there are few, whatever a file has. */
export const markedBatches = (db: Models, generations: readonly Generation[]): Promise<MarkedBatch[]> =>
  db.batches.collection
    .find<MarkedBatch>(
      { generation: { $in: [...generations] }, unannounced: { $gt: new Date(0) } },
      { projection: { _id: 0, batchId: 1, generation: 1 } },
    )
    .hint({ unannounced: 1, generation: 1, batchId: 1 })
    .toArray();

/**
 * What may not be announced: the write that stores a change marks it. Registrations that a gateway left half done are
 * completed first.
 */
export async function findUnannounced(
  db: Models,
  held: HeldUpdates,
  before = Number.MAX_SAFE_INTEGER,
): Promise<Unannounced[]> {
  const earlier = trusted({ $lt: new Date(Math.min(before, MAX_TIME)) });
  const incomplete = await db.files.find({ 'pending.at': earlier }, { _id: 0 }).lean<FileDoc[]>().exec();
  for (const file of incomplete)
    if (file.pending !== undefined) await completeRegistration(db, held, file, file.pending);
  const [batches, files] = await Promise.all([
    findFields(db.batches, { unannounced: earlier }, ['batchId', 'generation'], {
      sort: { unannounced: 1 },
      limit: MARKS_AT_ONCE,
    }),
    findFields(db.files, { unannounced: earlier }, ['fileId', 'generation', 'unannouncedFrom'], {
      limit: MARKS_AT_ONCE,
    }),
  ]);
  const found = new Map<FileId, BatchId[]>();
  for (const file of files) found.set(file.fileId, await registeredUnannounced(db, file));
  const owners = await filesOfGenerations(
    db,
    batches.map(({ generation }) => generation),
  );
  const over: Generation[] = [];
  for (const { batchId, generation } of batches) {
    const fileId = owners.get(generation ?? '')?.fileId;
    if (fileId !== undefined) found.set(fileId, [...(found.get(fileId) ?? []), batchId]);
    else if (generation !== null) over.push(generation);
  }
  // Changes of a generation that is over are never announced.
  if (over.length > 0) await db.batches.updateMany({ generation: trusted({ $in: over }) }, UNMARK);
  return [...found].map(([fileId, batchIds]) => ({ fileId, batchIds }));
}
