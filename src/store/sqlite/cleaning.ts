import type { Database } from './database.js';
import { PLACES } from './results.js';

/** Batches whose results are deleted in one go: other writes wait no longer than for these. */
const AT_ONCE = 32;
/** How long a late update of an ended life is recognised as such. */
const TOMBSTONE_MS = 24 * 3_600_000;

/** Deletes some of what ended lives left behind; false: nothing is left to clean. */
export function cleanSome(db: Database, now: number): boolean {
  const life = db.get<{ life: number }>(
    'SELECT life FROM lives WHERE state <> 0 AND cleaned = 0 LIMIT 1',
  )?.life;
  if (life !== undefined) {
    cleanLife(db, life);
    return true;
  }
  const old = now - TOMBSTONE_MS;
  const buried = db.run(
    `DELETE FROM batches WHERE number IN (
       SELECT number FROM batches WHERE life IN (SELECT life FROM lives WHERE state <> 0 AND ended_at < ?) LIMIT 1000)`,
    old,
  );
  if (buried.changes > 0) return true;
  db.run('DELETE FROM lives WHERE state <> 0 AND cleaned = 1 AND ended_at < ?', old);
  return false;
}

export const hasSomeToClean = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM lives WHERE state <> 0 AND cleaned = 0 LIMIT 1') !== undefined;

/** Whether nothing is left of the results of a file's ended lives. */
export const isCleaned = (db: Database, fileId: string): boolean =>
  db.get('SELECT 1 AS left FROM lives WHERE file_id = ? AND state <> 0 AND cleaned = 0', fileId) ===
  undefined;

function cleanLife(db: Database, life: number): void {
  // A cleaned batch keeps its name, so that late updates of it are recognised, and loses everything else.
  const batches = db.all<{ number: number }>(
    'SELECT number FROM batches WHERE life = ? AND length >= 0 LIMIT ?',
    life,
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
    'DELETE FROM addresses WHERE life = ?1 AND run = (SELECT min(run) FROM addresses WHERE life = ?1)',
    life,
  );
  if (changes > 0) return;
  db.run('DELETE FROM sums WHERE life = ?', life);
  db.run('UPDATE lives SET cleaned = 1 WHERE life = ?', life);
}

/** Deletes the results of a batch; its addresses in the index go with those of its whole life. */
export function cleanBatch(db: Database, batch: number): void {
  db.run('DELETE FROM chunks WHERE place >= ? AND place < ?', batch * PLACES, (batch + 1) * PLACES);
}
