/**
 * What the files of each owner, and all files, add up to in MongoDB. A file's document and the document of a sum cannot be
 * written in one step, so a change of a sum is written down in the file first (`counting`), then added, then confirmed
 * (`counted`). Any gateway can go on from any step; a sum remembers which changes of a file it has.
 */

import { createHash } from 'node:crypto';
import { mongo, trusted } from 'mongoose';
import { clock } from '../../clock.js';
import { HOUR_MS } from '../../domain/durations.js';
import type { FileId, UserId } from '../../domain/id.js';
import { ALL_FILES, additionsOf, type Counts, countsOf, sumOf } from '../../domain/overview.js';
import type { Stats } from '../../domain/stats.js';
import type { OverviewCounts, Viewer } from '../store.js';
import type { CountedFile, CountingFile, FileDoc } from './documents/files.js';
import { DUPLICATE } from './errors.js';
import { findFields, type Models, type OneUpdate, updateEach } from './models.js';

const FILES_AT_ONCE = 256;
/** A read counts what has changed before it, and stops where files change faster than that. */
const ROUNDS = 20;
/** Documents that the files of one owner are spread over, so that gateways seldom wait for each other. */
const SHARDS = 16;
/** By then every gateway that may still add the same change has come to its end. */
const REMEMBERED_MS = HOUR_MS;
const NOTHING: CountedFile = { seq: 0, userId: null, counts: {}, at: 0 };

type Source = Pick<FileDoc, 'fileId' | 'userId' | 'stats' | 'counted' | 'counting' | 'uncounted'>;
const SOURCE = { _id: 0, fileId: 1, userId: 1, stats: 1, counted: 1, counting: 1, uncounted: 1 };

/** Counts the files whose stats have changed since they were counted; true: there may be more. */
export async function countFiles(db: Models): Promise<boolean> {
  const changed = await db.files.collection
    .find<Source>({ uncounted: { $gt: new Date(0) } }, { projection: SOURCE })
    .sort({ uncounted: 1 })
    .limit(FILES_AT_ONCE)
    .toArray();
  if (changed.length === 0) return false;
  await complete(db, await begin(db, changed));
  // Only the marks of what was counted: a change since has made its own.
  const marks = changed
    .filter(({ counting }) => counting === undefined)
    .map(({ fileId, userId, uncounted, stats }) => ({
      filter: { fileId, userId, uncounted, stats },
      update: { $unset: { uncounted: 1 } },
    }));
  await updateEach(db.files, marks);
  return true;
}

/** Takes a file out of the sums before its document is deleted. Answers with the condition under which that is still so. */
export async function uncountFile(db: Models, { fileId }: Pick<FileDoc, 'fileId'>): Promise<object> {
  for (;;) {
    const file = await db.files.collection.findOne<Source>({ fileId }, { projection: SOURCE });
    const { counted, counting } = file ?? {};
    if (file !== null && counting !== undefined) await complete(db, [file]);
    else if (file !== null && counted !== undefined && Object.keys(counted.counts).length > 0) {
      await complete(db, await begin(db, [{ ...file, stats: null }]));
      // If its document is not deleted after all, the file is counted again.
      await db.files.collection.updateOne({ fileId }, { $set: { uncounted: clock.date() } });
    } else
      return {
        counting: trusted({ $exists: false }),
        'counted.seq': counted === undefined ? trusted({ $exists: false }) : counted.seq,
      };
  }
}

/** Writes down the changes of the sums. Answers with the files that have one now, another gateway's included. */
async function begin(db: Models, files: readonly Source[]): Promise<Source[]> {
  const now = clock.now();
  const started = files.filter(({ counting }) => counting === undefined);
  const writes = started.map(({ fileId, userId, stats, counted }) => {
    const parsed = stats === null ? null : (JSON.parse(stats) as Stats);
    const counting: CountingFile = {
      from: counted ?? NOTHING,
      to: {
        // Above every earlier one, those of an earlier file with this id included.
        seq: Math.max(now, (counted?.seq ?? 0) + 1),
        userId,
        counts: parsed === null ? {} : countsOf(parsed),
        at: Date.parse(parsed?.lastUpdated ?? '') || 0,
      },
    };
    const filter = {
      fileId,
      counting: { $exists: false },
      'counted.seq': counted === undefined ? { $exists: false } : counted.seq,
    };
    return { filter, update: { $set: { counting } } };
  });
  await updateEach(db.files, writes);
  const ids = files.map(({ fileId }) => fileId);
  return db.files.collection
    .find<Source>({ fileId: { $in: ids }, counting: { $exists: true } }, { projection: SOURCE })
    .toArray();
}

/** Adds the changes to the sums, each once, and confirms them in the files. */
async function complete(db: Models, files: readonly Source[]): Promise<void> {
  const begun = files.flatMap(({ fileId, counting }) =>
    counting === undefined ? [] : [{ fileId, counting }],
  );
  const additions = begun.flatMap(({ fileId, counting: { from, to } }) =>
    additionsOf(from, to).map(({ owner, by }) => additionTo(owner, fileId, to, by)),
  );
  await addOnce(db, additions);
  await updateEach(
    db.files,
    begun.map(({ fileId, counting: { to } }) => ({
      filter: { fileId, 'counting.to.seq': to.seq },
      update: { $set: { counted: to }, $unset: { counting: 1 } },
    })),
  );
}

type Addition = OneUpdate & { readonly filter: { readonly _id: string } };

/** A sum that has the change already is not found by its write. */
async function addOnce(db: Models, additions: readonly Addition[]): Promise<void> {
  const ids = new Set(additions.map(({ filter }) => filter._id));
  const update = { $setOnInsert: { touchedAt: 0 } };
  try {
    await updateEach(
      db.overviews,
      [...ids].map((_id) => ({ filter: { _id }, update, upsert: true })),
    );
  } catch (error) {
    // Another gateway was faster to insert it.
    const failures = error instanceof mongo.MongoBulkWriteError ? [error.writeErrors].flat() : [];
    if (failures.length === 0 || !failures.every(({ code }) => code === DUPLICATE)) throw error;
  }
  await updateEach(db.overviews, additions);
}

function additionTo(owner: UserId, fileId: FileId, { seq, at }: CountedFile, by: Counts): Addition {
  const hash = createHash('sha256').update(fileId).digest();
  const seen = `seen.${hash.toString('hex', 1, 13)}`;
  const $inc = Object.fromEntries(Object.entries(by).map(([name, value]) => [`counts.${name}`, value]));
  return {
    filter: { _id: idOf(owner, (hash[0] ?? 0) % SHARDS), [seen]: { $not: { $gte: seq } } },
    update: {
      ...(Object.keys($inc).length === 0 ? {} : { $inc }),
      $set: { [seen]: seq },
      $max: { lastUpdated: at, touchedAt: seq },
    },
  };
}

const idOf = (userId: UserId, shard: number): string => `${shard} ${userId}`;

/** Null: of all files. */
export async function readOverview(db: Models, viewer: Viewer | null): Promise<OverviewCounts> {
  for (let round = 0; round < ROUNDS && (await countFiles(db)); round++);
  const userId = viewer === null ? ALL_FILES : viewer.userId;
  const ids = userId === null ? [] : Array.from({ length: SHARDS }, (_, shard) => idOf(userId, shard));
  const shards = await findFields(db.overviews, { _id: trusted({ $in: ids }) }, ['counts', 'lastUpdated']);
  const named = viewer === null || viewer.fileIds.length === 0 ? [] : await namedFiles(db, viewer);
  return {
    counts: sumOf([...shards.map(({ counts }) => counts ?? {}), ...named.map(countsOf)]),
    lastUpdated: Math.max(
      0,
      ...shards.map(({ lastUpdated }) => lastUpdated ?? 0),
      ...named.map((stats) => Date.parse(stats.lastUpdated ?? '') || 0),
    ),
  };
}

/** The stats of the files that a viewer's token names and that are not its own. */
async function namedFiles(db: Models, { userId, fileIds }: Viewer): Promise<Stats[]> {
  const files = await db.files.collection
    .find<Pick<FileDoc, 'userId' | 'stats'>>(
      { fileId: { $in: [...fileIds] } },
      { projection: { _id: 0, userId: 1, stats: 1 } },
    )
    .toArray();
  return files.flatMap((file) =>
    file.stats === null || (userId !== null && file.userId === userId)
      ? []
      : [JSON.parse(file.stats) as Stats],
  );
}

/** Forgets which changes the sums have, once no gateway can add them again. */
export async function forgetCounted(db: Models, now: number): Promise<void> {
  const sums = await findFields(db.overviews, { touchedAt: trusted({ $gt: now - 4 * REMEMBERED_MS }) }, [
    '_id',
    'seen',
  ]);
  const writes = sums.flatMap(({ _id, seen = {} }) =>
    Object.entries(seen)
      .filter(([, seq]) => seq < now - REMEMBERED_MS)
      .map(([file, seq]) => ({
        filter: { _id, [`seen.${file}`]: seq },
        update: { $unset: { [`seen.${file}`]: 1 } },
      })),
  );
  await updateEach(db.overviews, writes);
}
