/** Deletes the results of generations that are over. A few at a time: other writes wait no longer than for these. */
import type { FileId } from '../../domain/id.js';
import { TOMBSTONE_MS } from '../attribution.js';
import { cleanUpDue, hasEndedDue } from './batches/due-updates.js';
import type { Database } from './database.js';
import { areListsOfFileGone, cleanUpLists, hasEndedLists } from './ended-lists.js';
import { dropHidden, hasHidden } from './results/hidden-lists.js';
import { PLACES } from './results/results.js';
import { deleteSomeOfIndex } from './results/runs.js';
import { deleteSomeRollups } from './rollups.js';
import { cleanSubmissions } from './submissions/slices.js';

/** Batches cleaned in one go. */
const BATCHES_AT_ONCE = 8;
/** A step goes on for this long; writing it to the log takes about as long, and every few steps the log is written back. */
const STEP_MS = 4;
/** And longer where lists were replaced: their addresses lie anywhere in the index, and each step writes whole pages of it. */
const REPLACED_MS = 40;
/** Bytes of results, and their chunks, that are deleted in one go: what is deleted is overwritten, and that goes through the log. */
const STEP_BYTES = 512 * 1024;
const CHUNKS_AT_ONCE = 64;

/**
 * Deletes some of what generations, uploaded lists and submissions that are over still hold, and of lists that were replaced;
 * false: nothing is left to delete.
 */
export function cleanUpSome(db: Database, now: number, inSmallSteps: boolean): boolean {
  const end = performance.now() + REPLACED_MS;
  const hadHidden = dropHidden(db);
  if (hadHidden && !inSmallSteps) while (performance.now() < end && dropHidden(db));
  return cleanUpEnded(db, now, inSmallSteps) || hadHidden;
}

function cleanUpEnded(db: Database, now: number, inSmallSteps: boolean): boolean {
  // Before the generations: one that is cleaned has nothing left anywhere.
  if (cleanUpDue(db) || cleanUpLists(db) || cleanSubmissions(db)) return true;
  const generation = db.get<{ generation: number }>(
    'SELECT generation FROM generations WHERE state <> 0 AND cleaned = 0 LIMIT 1',
  )?.generation;
  if (generation !== undefined) {
    const end = performance.now() + STEP_MS;
    while (cleanGeneration(db, generation) && !inSmallSteps && performance.now() < end);
    return true;
  }
  const old = now - TOMBSTONE_MS;
  const forgotten = db.run(
    `DELETE FROM batches WHERE number IN (
       SELECT number FROM batches WHERE generation IN (SELECT generation FROM generations WHERE state <> 0 AND endedAt < ?) LIMIT 1000)`,
    old,
  );
  if (forgotten.changes > 0) return true;
  db.run('DELETE FROM generations WHERE state <> 0 AND cleaned = 1 AND endedAt < ?', old);
  return false;
}

export const needsCleanUp = (db: Database): boolean =>
  hasEndedDue(db) ||
  hasEndedLists(db) ||
  hasHidden(db) ||
  db.get(
    `SELECT 1 AS some WHERE EXISTS (SELECT 1 FROM generations WHERE state <> 0 AND cleaned = 0)
       OR EXISTS (SELECT 1 FROM submissions WHERE ended = 1)`,
  ) !== undefined;

/** Whether nothing is left of those generations, lists and submissions of a file that are over. */
export const isCleanedUp = (db: Database, fileId: FileId): boolean =>
  areListsOfFileGone(db, fileId) &&
  db.get(
    `SELECT 1 AS uncleaned WHERE EXISTS (SELECT 1 FROM generations WHERE fileId = ?1 AND state <> 0 AND cleaned = 0)
       OR EXISTS (SELECT 1 FROM submissions WHERE fileId = ?1 AND ended = 1)`,
    fileId,
  ) === undefined;

/** Cleans a part of a generation; false: nothing of it is left. */
function cleanGeneration(db: Database, generation: number): boolean {
  if (cleanBatches(db, generation)) return true;
  if (deleteSomeOfIndex(db, generation)) return true;
  db.run('DELETE FROM breakdowns WHERE generation = ?', generation);
  if (deleteSomeRollups(db, generation)) return true;
  db.run('UPDATE generations SET cleaned = 1 WHERE generation = ?', generation);
  return false;
}

/** A cleaned batch keeps its id, so that late updates of it are recognised, and loses everything else. False: none is left. */
function cleanBatches(db: Database, generation: number): boolean {
  const batches = db.all<{ number: number; ordinal: number }>(
    `SELECT number, ordinal FROM batches
     WHERE generation = ?1 AND ordinal >= (SELECT cleanedTo FROM generations WHERE generation = ?1) ORDER BY ordinal LIMIT ?2`,
    generation,
    BATCHES_AT_ONCE,
  );
  const [first] = batches;
  if (first === undefined) return false;
  let end = first.ordinal;
  let room = STEP_BYTES;
  for (const { number, ordinal } of batches) {
    const { bytes, isAll } = deleteChunks(db, number, room);
    room -= bytes;
    if (isAll) end = ordinal + 1;
    if (!isAll || room <= 0) break;
  }
  db.run(
    `UPDATE batches SET length = -1, open = 0, failure = NULL, rewrites = '[]', summary = '{}', fingerprint = ''
     WHERE generation = ? AND ordinal >= ? AND ordinal < ?`,
    generation,
    first.ordinal,
    end,
  );
  db.run('UPDATE generations SET cleanedTo = ? WHERE generation = ?', end, generation);
  return true;
}

/**
 * Deletes the first chunks of all lists of a batch until they are so many bytes; its addresses in the index go with those of its
 * whole generation.
 */
function deleteChunks(db: Database, batch: number, room: number): { bytes: number; isAll: boolean } {
  const chunks = db.all<{ place: number; bytes: number }>(
    'SELECT place, length(body) AS bytes FROM chunks WHERE place >= ? AND place < ? ORDER BY place LIMIT ?',
    batch * PLACES,
    (batch + 1) * PLACES,
    CHUNKS_AT_ONCE,
  );
  let bytes = 0;
  let deleted = 0;
  for (const chunk of chunks) {
    if (bytes >= room) break;
    db.run('DELETE FROM chunks WHERE place = ?', chunk.place);
    bytes += chunk.bytes;
    deleted++;
  }
  return { bytes, isAll: deleted === chunks.length && deleted < CHUNKS_AT_ONCE };
}
