import { merged, type Update } from '../../domain/update.js';
import type { Database } from './database.js';

export interface HeldLimits {
  readonly ttlMs: number;
  readonly maxBytes: number;
}

/**
 * Keeps the newest update of a batch that nobody has registered yet: updates are cumulative, so one is enough. Beyond
 * the limit the oldest go first.
 */
export function hold(db: Database, update: Update, limits: HeldLimits, now: number): void {
  const earlier = peek(db, update.batchId);
  const kept = earlier === null ? update : merged(earlier, update);
  const body = JSON.stringify(kept);
  db.run(
    'INSERT OR REPLACE INTO held (batch_id, received_at, bytes, body) VALUES (?, ?, ?, ?)',
    update.batchId,
    now,
    Buffer.byteLength(body),
    body,
  );
  dropBeyond(db, limits, now);
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

function dropBeyond(db: Database, { ttlMs, maxBytes }: HeldLimits, now: number): void {
  db.run('DELETE FROM held WHERE received_at < ?', now - ttlMs);
  let bytes = db.get<{ bytes: number | null }>('SELECT sum(bytes) AS bytes FROM held')?.bytes ?? 0;
  while (bytes > maxBytes) {
    const oldest = db.get<{ batch_id: string; bytes: number }>(
      'SELECT batch_id, bytes FROM held ORDER BY received_at, rowid LIMIT 1',
    );
    if (oldest === undefined) return;
    db.run('DELETE FROM held WHERE batch_id = ?', oldest.batch_id);
    bytes -= oldest.bytes;
  }
}
