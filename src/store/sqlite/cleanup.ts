import type { Database } from './database.js';
import { PLACES } from './results.js';

/** Batches whose results are deleted in one go: other writes wait no longer than for these. */
const AT_ONCE = 32;
/** How long a late update of an ended generation is recognised as such. */
const TOMBSTONE_MS = 24 * 3_600_000;

/** Deletes some of what ended generations left behind; false: nothing is left to clean. */
export function cleanUpSome(db: Database, now: number): boolean {
  const generation = db.get<{ generation: number }>(
    'SELECT generation FROM generations WHERE state <> 0 AND cleaned = 0 LIMIT 1',
  )?.generation;
  if (generation !== undefined) {
    cleanGeneration(db, generation);
    return true;
  }
  const old = now - TOMBSTONE_MS;
  const buried = db.run(
    `DELETE FROM batches WHERE number IN (
       SELECT number FROM batches WHERE generation IN (SELECT generation FROM generations WHERE state <> 0 AND ended_at < ?) LIMIT 1000)`,
    old,
  );
  if (buried.changes > 0) return true;
  db.run('DELETE FROM generations WHERE state <> 0 AND cleaned = 1 AND ended_at < ?', old);
  return false;
}

export const needsCleanUp = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM generations WHERE state <> 0 AND cleaned = 0 LIMIT 1') !== undefined;

/** Whether nothing is left of the results of a file's ended generations. */
export const isCleanedUp = (db: Database, fileId: string): boolean =>
  db.get('SELECT 1 AS left FROM generations WHERE file_id = ? AND state <> 0 AND cleaned = 0', fileId) ===
  undefined;

function cleanGeneration(db: Database, generation: number): void {
  // A cleaned batch keeps its name, so that late updates of it are recognised, and loses everything else.
  const batches = db.all<{ number: number }>(
    'SELECT number FROM batches WHERE generation = ? AND length >= 0 LIMIT ?',
    generation,
    AT_ONCE,
  );
  for (const { number } of batches) {
    cleanBatch(db, number);
    db.run(
      "UPDATE batches SET length = -1, open = 0, failure = NULL, rewrites = '[]', summary = '{}', fingerprint = '' WHERE number = ?",
      number,
    );
  }
  if (batches.length > 0) return;
  const { changes } = db.run(
    'DELETE FROM addresses WHERE generation = ?1 AND run = (SELECT min(run) FROM addresses WHERE generation = ?1)',
    generation,
  );
  if (changes > 0) return;
  db.run('DELETE FROM rollups WHERE generation = ?', generation);
  db.run('UPDATE generations SET cleaned = 1 WHERE generation = ?', generation);
}

/** Deletes the results of a batch; its addresses in the index go with those of its whole generation. */
export function cleanBatch(db: Database, batch: number): void {
  db.run('DELETE FROM chunks WHERE place >= ? AND place < ?', batch * PLACES, (batch + 1) * PLACES);
}
