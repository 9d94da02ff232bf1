import type { BatchId } from '../../domain/id.js';
import { merged, type Update } from '../../domain/update.js';
import { entriesToDrop } from '../byte-limit.js';
import type { HeldCounts } from '../store.js';
import type { Database } from './database.js';

/** The limits of the held updates, and what was dropped for them. */
export interface HeldState {
  readonly ttlMs: number;
  readonly maxBytes: number;
  /** Updates dropped so far. */
  dropped: number;
}

/** Updates looked at in one go to make room. */
const AT_ONCE = 64;

/**
 * Holds an update until its batch is registered, merged with the one that is held already: updates are cumulative. Beyond
 * the byte limit the oldest are dropped; the new one stays, however large it is: the answer to it says that it is held.
 */
export function hold(db: Database, update: Update, held: HeldState, now: number): void {
  const { batchId } = update;
  const earlier = takeHeld(db, batchId);
  const body = JSON.stringify(earlier === null ? update : merged(earlier, update));
  db.run(
    'INSERT INTO held (batch_id, received_at, bytes, body) VALUES (?, ?, ?, ?)',
    batchId,
    now,
    Buffer.byteLength(body),
    body,
  );
  dropExpired(db, held, now);
  keepWithinLimit(db, batchId, held);
}

/** Takes the update that is held for a batch out of the table. */
export function takeHeld(db: Database, batchId: BatchId): Update | null {
  // Not overwritten by `INSERT OR REPLACE`, which would not fire the trigger that counts bytes.
  const row = db.get<{ body: string }>('DELETE FROM held WHERE batch_id = ? RETURNING body', batchId);
  return row === undefined ? null : (JSON.parse(row.body) as Update);
}

/** Drops the updates whose batch was not registered in time: these are addresses that belong to no file. */
export function dropExpired(db: Database, held: HeldState, now: number): void {
  held.dropped += db.run('DELETE FROM held WHERE received_at < ?', now - held.ttlMs).changes;
}

export function heldCounts(db: Database, { dropped }: HeldState): HeldCounts {
  const updates = db.get<{ updates: number }>('SELECT count(*) AS updates FROM held')?.updates ?? 0;
  return { updates, bytes: heldBytes(db), dropped };
}

const heldBytes = (db: Database): number =>
  db.get<{ bytes: number }>('SELECT bytes FROM held_total')?.bytes ?? 0;

function keepWithinLimit(db: Database, newest: BatchId, held: HeldState): void {
  for (let excess = heldBytes(db) - held.maxBytes; excess > 0; ) {
    const oldest = db.all<{ batch_id: BatchId; bytes: number }>(
      'SELECT batch_id, bytes FROM held WHERE batch_id <> ? ORDER BY received_at, rowid LIMIT ?',
      newest,
      AT_ONCE,
    );
    if (oldest.length === 0) return;
    for (const { batch_id, bytes } of entriesToDrop(oldest, excess)) {
      held.dropped += db.run('DELETE FROM held WHERE batch_id = ?', batch_id).changes;
      excess -= bytes;
    }
  }
}
