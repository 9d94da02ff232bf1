import { merged, type Update } from '../../domain/update.js';
import type { HeldCounts } from '../store.js';
import type { Database } from './database.js';

export interface HeldLimits {
  readonly ttlMs: number;
  readonly maxBytes: number;
  /** Updates dropped so far. */
  dropped: number;
}

/**
 * Keeps the newest update of a batch that nobody has registered yet: updates are cumulative, so one is enough. Beyond
 * the limit the oldest go first; the one that just came stays, however large it is: its sender is told that it is held.
 */
export function hold(db: Database, update: Update, holding: HeldLimits, now: number): void {
  const earlier = peek(db, update.batchId);
  const kept = earlier === null ? update : merged(earlier, update);
  const body = JSON.stringify(kept);
  // Not `INSERT OR REPLACE`: what that replaces goes without its trigger.
  db.run('DELETE FROM held WHERE batch_id = ?', update.batchId);
  db.run(
    'INSERT INTO held (batch_id, received_at, bytes, body) VALUES (?, ?, ?, ?)',
    update.batchId,
    now,
    Buffer.byteLength(body),
    body,
  );
  dropBeyond(db, update.batchId, holding, now);
}

function peek(db: Database, batchId: string): Update | null {
  const row = db.get<{ body: string }>('SELECT body FROM held WHERE batch_id = ?', batchId);
  return row === undefined ? null : (JSON.parse(row.body) as Update);
}

export function takeHeld(db: Database, batchId: string): Update | null {
  const update = peek(db, batchId);
  if (update !== null) db.run('DELETE FROM held WHERE batch_id = ?', batchId);
  return update;
}

/** Drops what nobody has asked for in time: these are addresses that belong to no file. */
export function dropExpired(db: Database, holding: HeldLimits, now: number): void {
  holding.dropped += db.run('DELETE FROM held WHERE received_at < ?', now - holding.ttlMs).changes;
}

export function heldCounts(db: Database, { dropped }: HeldLimits): HeldCounts {
  const updates = db.get<{ updates: number }>('SELECT count(*) AS updates FROM held')?.updates ?? 0;
  const bytes = db.get<{ bytes: number }>('SELECT bytes FROM held_total')?.bytes ?? 0;
  return { updates, bytes, dropped };
}

function dropBeyond(db: Database, newest: string, holding: HeldLimits, now: number): void {
  dropExpired(db, holding, now);
  let bytes = db.get<{ bytes: number }>('SELECT bytes FROM held_total')?.bytes ?? 0;
  while (bytes > holding.maxBytes) {
    const oldest = db.get<{ batch_id: string; bytes: number }>(
      'SELECT batch_id, bytes FROM held ORDER BY received_at, rowid LIMIT 1',
    );
    if (oldest === undefined || oldest.batch_id === newest) return;
    holding.dropped += db.run('DELETE FROM held WHERE batch_id = ?', oldest.batch_id).changes;
    bytes -= oldest.bytes;
  }
}
