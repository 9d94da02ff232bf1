/** Updates that are held until their batch is registered, in SQLite. */
import type { BatchId, UserId } from '../../../domain/id.js';
import { type Claimant, holderOf, takesHeld } from '../../../domain/ownership.js';
import { merged, type Update } from '../../../domain/update.js';
import { entriesToDrop } from '../../byte-limit.js';
import { givingWay, type HeldShare } from '../../held-shares.js';
import type { HeldCounts } from '../../store.js';
import type { Database } from '../database.js';

/** The limits of the held updates, and what was dropped for them. */
export interface HeldState {
  readonly ttlMs: number;
  readonly maxBytes: number;
  /** Updates dropped so far. */
  dropped: number;
}

/** Updates looked at in one go to make room. */
const AT_ONCE = 64;

/** As it is stored: a key cannot hold a null. */
const holderKey = (holder: UserId | null): string => holder ?? '';
const holderOfKey = (key: string): UserId | null => (key === '' ? null : key);

/**
 * Holds an update until its batch is registered, merged with the one that is held already: updates are cumulative. Beyond
 * the byte limit others are dropped, see held-shares.ts; the new one stays, however large it is: the answer to it says that it is held.
 */
export function hold(db: Database, update: Update, sender: Claimant, held: HeldState, now: number): void {
  const { batchId } = update;
  const holder = holderKey(holderOf(sender));
  const earlier = take(db, batchId, holder);
  const body = JSON.stringify(earlier === null ? update : merged(earlier, update));
  db.run(
    'INSERT INTO held (batchId, holder, receivedAt, bytes, body) VALUES (?, ?, ?, ?, ?)',
    batchId,
    holder,
    now,
    Buffer.byteLength(body),
    body,
  );
  dropExpired(db, held, now);
  keepWithinLimit(db, { batchId, holder }, held);
}

export const isAnythingHeld = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM held LIMIT 1') !== undefined;

/** Takes the updates of a batch that a registration may have out of the table. */
export function takeHeld(db: Database, batchId: BatchId, claimant: Claimant): Update[] {
  const rows = db.all<{ holder: string }>(
    'SELECT holder FROM held WHERE batchId = ? ORDER BY holder',
    batchId,
  );
  return rows
    .filter(({ holder }) => takesHeld(claimant, holderOfKey(holder)))
    .flatMap(({ holder }) => take(db, batchId, holder) ?? []);
}

function take(db: Database, batchId: BatchId, holder: string): Update | null {
  // Not overwritten by `INSERT OR REPLACE`, which would not fire the trigger that counts bytes.
  const row = db.get<{ body: string }>(
    'DELETE FROM held WHERE batchId = ? AND holder = ? RETURNING body',
    batchId,
    holder,
  );
  return row === undefined ? null : (JSON.parse(row.body) as Update);
}

/** Drops the updates whose batch was not registered in time: these are addresses that belong to no file. */
export function dropExpired(db: Database, held: HeldState, now: number): void {
  held.dropped += db.run('DELETE FROM held WHERE receivedAt < ?', now - held.ttlMs).changes;
}

export function heldCounts(db: Database, { dropped }: HeldState): HeldCounts {
  const updates = db.get<{ updates: number }>('SELECT count(*) AS updates FROM held')?.updates ?? 0;
  return { updates, bytes: heldBytes(db), dropped };
}

const heldBytes = (db: Database): number =>
  db.get<{ bytes: number }>('SELECT bytes FROM held_total')?.bytes ?? 0;

function keepWithinLimit(db: Database, newest: HeldKey, held: HeldState): void {
  const excess = heldBytes(db) - held.maxBytes;
  if (excess <= 0) return;
  const steps = givingWay(sharesOf(db), excess);
  for (let step = steps.next(); !step.done; ) step = steps.next(dropOldest(db, step.value, newest, held));
}

interface HeldKey {
  readonly batchId: BatchId;
  readonly holder: string;
}

const sharesOf = (db: Database): HeldShare[] =>
  db
    .all<{ holder: string; bytes: number }>('SELECT holder, bytes FROM held_shares')
    .map(({ holder, bytes }) => ({ holder: holderOfKey(holder), bytes }));

/** Drops the oldest of a holder, but not the newest of all, until so many bytes are free. @returns how many are */
function dropOldest(db: Database, share: HeldShare, newest: HeldKey, held: HeldState): number {
  const holder = holderKey(share.holder);
  const oldest = db.all<{ batchId: BatchId; bytes: number }>(
    'SELECT batchId, bytes FROM held WHERE holder = ? AND batchId IS NOT ? ORDER BY receivedAt, rowid LIMIT ?',
    holder,
    newest.holder === holder ? newest.batchId : null,
    AT_ONCE,
  );
  let dropped = 0;
  for (const { batchId, bytes } of entriesToDrop(oldest, share.bytes)) {
    held.dropped += db.run('DELETE FROM held WHERE batchId = ? AND holder = ?', batchId, holder).changes;
    dropped += bytes;
  }
  return dropped;
}
