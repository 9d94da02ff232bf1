import { trusted } from 'mongoose';
import type { FileId, Generation } from '../../domain/id.js';
import type { JsonText } from '../../domain/json-text.js';
import type { Stats } from '../../domain/stats.js';
import type { AnnouncedVersions, Unannounced } from '../store.js';
import type { HeldUpdates } from './batches/held-updates.js';
import type { BatchHead, FileDoc } from './documents.js';
import type { Models } from './models.js';
import { completeRegistration } from './registration/pending-registrations.js';

/** Keeps stats, unless newer ones of the same epoch are kept already: a gateway may be late. */
export async function markAnnounced(
  db: Models,
  fileId: FileId,
  generation: Generation,
  announced: AnnouncedVersions,
  stats: JsonText<Stats>,
): Promise<void> {
  const { epoch, revision, status, completedAt, progress, batches } = stats.parsed();
  const notNewer = { $or: [{ 'statsAt.epoch': { $ne: epoch } }, { 'statsAt.revision': { $lte: revision } }] };
  const set: Partial<FileDoc> = {
    stats: stats.json,
    statsAt: { epoch, revision },
    status,
    totalEmails: progress.total,
    totalBatches: batches.total,
    completedBatches: batches.completed,
    completedAt: completedAt === null ? null : new Date(completedAt),
  };
  const { changes, batches: versions } = announced;
  await db.files.collection.bulkWrite([
    { updateOne: { filter: { fileId, generation, ...notNewer }, update: { $set: set } } },
    ...(changes === null ? [] : [{ updateOne: { filter: { fileId, generation, changes }, update: UNMARK } }]),
  ]);
  await clearMarks(db, generation, versions);
}

/**
 * Takes the marks of what was announced away: of a batch only if nothing was stored of it since, whoever stored it; of the
 * file as a whole only if nothing at all was.
 */
const UNMARK = { $unset: { unannounced: 1 } } as const;

async function clearMarks(
  db: Models,
  generation: string,
  batches: AnnouncedVersions['batches'],
): Promise<void> {
  if (batches.size === 0) return;
  const marks = [...batches].map(([batchId, version]) => ({
    updateOne: { filter: { batchId, version, generation }, update: UNMARK },
  }));
  await db.batches.collection.bulkWrite(marks, { ordered: false });
}

/** Marks looked at in one go; the next look takes the next ones. */
const MARKS_AT_ONCE = 1_000;

/**
 * What nobody may have announced: marked by the very write that stored it. Registrations that somebody left half done are
 * finished first.
 */
export async function findUnannounced(
  db: Models,
  held: HeldUpdates,
  before = Number.MAX_SAFE_INTEGER,
): Promise<Unannounced[]> {
  const earlier = trusted({ $lt: new Date(Math.min(before, MAX_TIME)) });
  const begun = await db.files.find({ 'pending.at': earlier }, { _id: 0 }).lean<FileDoc[]>().exec();
  for (const file of begun)
    if (file.pending !== undefined) await completeRegistration(db, held, file, file.pending);
  const [batches, files] = await Promise.all([
    db.batches
      .find({ unannounced: earlier }, { _id: 0, batchId: 1, generation: 1 })
      .sort({ unannounced: 1 })
      .limit(MARKS_AT_ONCE)
      .lean<Pick<BatchHead, 'batchId' | 'generation'>[]>()
      .exec(),
    db.files
      .find({ unannounced: earlier }, { _id: 0, fileId: 1 })
      .limit(MARKS_AT_ONCE)
      .lean<Pick<FileDoc, 'fileId'>[]>()
      .exec(),
  ]);
  const found = new Map<string, string[]>(files.map(({ fileId }) => [fileId, []]));
  const owners = await standing(db, [...new Set(batches.flatMap(({ generation }) => generation ?? []))]);
  for (const { batchId, generation } of batches) {
    const fileId = owners.get(generation ?? '');
    if (fileId !== undefined) found.set(fileId, [...(found.get(fileId) ?? []), batchId]);
  }
  return [...found].map(([fileId, batchIds]) => ({ fileId, batchIds }));
}

/** The latest time that a date can be. */
const MAX_TIME = 8.64e15;

/** The files of the generations that stand. Of the others nothing is left to be announced. */
async function standing(db: Models, generations: readonly string[]): Promise<Map<string, string>> {
  if (generations.length === 0) return new Map();
  const files = await db.files
    .find({ generation: trusted({ $in: [...generations] }) }, { _id: 0, fileId: 1, generation: 1 })
    .lean<Pick<FileDoc, 'fileId' | 'generation'>[]>()
    .exec();
  const owners = new Map(files.map(({ fileId, generation }) => [generation, fileId]));
  const over = generations.filter((generation) => !owners.has(generation));
  if (over.length > 0)
    await db.batches.updateMany({ generation: trusted({ $in: over }) }, { $unset: { unannounced: 1 } });
  return owners;
}
