/** Updates that are held until their batch is registered, in SQLite. */
import type { BatchId, UserId } from '../../../domain/id.js';
import { type Claimant, holderOf, takesHeld } from '../../../domain/ownership.js';
import type { Result } from '../../../domain/result.js';
import { isNewer, merged, type Update } from '../../../domain/update.js';
import { entriesToDrop } from '../../byte-limit.js';
import { givingWay, type HeldShare } from '../../held-shares.js';
import type { HeldCounts } from '../../store.js';
import type { Bind, Database } from '../database.js';

/** The limits of the held updates, and what was dropped for them. */
export interface HeldState {
  readonly ttlMs: number;
  readonly maxBytes: number;
  /** Updates dropped so far. */
  dropped: number;
}

/** Updates, and about how many bytes of them, that are dropped in one go: other writes wait meanwhile. */
const AT_ONCE = 64;
const BYTES_AT_ONCE = 2 ** 20;

/** As it is stored: a key cannot hold a null. */
const holderKey = (holder: UserId | null): string => holder ?? '';
const holderOfKey = (key: string): UserId | null => (key === '' ? null : key);

type Envelope = Omit<Update, 'results'>;

/**
 * Holds an update until its batch is registered, merged with the one that is held already: updates are cumulative. `results`: as
 * JSON. Others may have to go for it, see `dropSomeHeld`.
 */
export function hold(db: Database, update: Envelope, results: string, sender: Claimant, now: number): void {
  const { batchId } = update;
  const holder = holderKey(holderOf(sender));
  const earlier = db.get<{ envelope: string }>(
    'SELECT envelope FROM held WHERE batchId = ? AND holder = ?',
    batchId,
    holder,
  );
  const before = earlier === undefined ? null : (JSON.parse(earlier.envelope) as Envelope);
  // The list of the newer one; what is said beside it comes from both.
  const isStale = before !== null && !isNewer(update, before);
  const kept = isStale ? take(db, batchId, holder)?.results : undefined;
  if (before !== null && !isStale)
    db.run('DELETE FROM held WHERE batchId = ? AND holder = ?', batchId, holder);
  const list = kept ?? results;
  const envelope = JSON.stringify(before === null ? update : merged(before, update));
  db.run(
    'INSERT INTO held (batchId, holder, receivedAt, bytes, envelope, results) VALUES (?, ?, ?, ?, ?, ?)',
    ...[batchId, holder, now, bytesOf(envelope, list), envelope, list],
  );
}

/** Of the update as one JSON text. */
const bytesOf = (envelope: string, results: string): number =>
  Buffer.byteLength(envelope) + Buffer.byteLength(',"results":') + Buffer.byteLength(results);

export const isAnythingHeld = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM held LIMIT 1') !== undefined;

/** Bytes of the updates that are held for each of these batches, where there are any. */
export const heldBytesOf = (
  db: Database,
  batchIds: readonly BatchId[],
): { readonly batchId: BatchId; readonly bytes: number }[] =>
  isAnythingHeld(db)
    ? db.all(
        'SELECT batchId, sum(bytes) AS bytes FROM held WHERE batchId IN (SELECT value FROM json_each(?)) GROUP BY 1',
        JSON.stringify(batchIds),
      )
    : [];

/**
 * Takes the updates of a batch that a registration may have out of the table, merged into one; null: there are none. An admin
 * gets those of all users, which may be as many as may be held: only the newest list is read.
 */
export function takeHeld(db: Database, batchId: BatchId, claimant: Claimant): Update | null {
  const rows = db
    .all<{ holder: string; envelope: string }>(
      'SELECT holder, envelope FROM held WHERE batchId = ? ORDER BY holder',
      batchId,
    )
    .filter(({ holder }) => takesHeld(claimant, holderOfKey(holder)));
  let envelope: Envelope | null = null;
  let newest = '';
  for (const row of rows) {
    const next = JSON.parse(row.envelope) as Envelope;
    if (envelope === null || isNewer(next, envelope)) newest = row.holder;
    envelope = envelope === null ? next : merged(envelope, next);
  }
  if (envelope === null) return null;
  const results = JSON.parse(take(db, batchId, newest)?.results ?? '[]') as Result[];
  for (const { holder } of rows) db.run('DELETE FROM held WHERE batchId = ? AND holder = ?', batchId, holder);
  return { ...envelope, results };
}

function take(db: Database, batchId: BatchId, holder: string): HeldRow | undefined {
  // Not overwritten by `INSERT OR REPLACE`, which would not fire the trigger that counts bytes.
  return db.get<HeldRow>(
    'DELETE FROM held WHERE batchId = ? AND holder = ? RETURNING envelope, results',
    batchId,
    holder,
  );
}

interface HeldRow {
  readonly envelope: string;
  readonly results: string;
}

/**
 * Drops some updates whose batch was not registered in time: these are addresses that belong to no file. Where there are none,
 * some of those beyond the byte limit, see held-shares.ts; the newest of all stays, however large it is: the answer to it says
 * that it is held. Answers with their number.
 */
export function dropSomeHeld(db: Database, held: HeldState, now: number): number {
  const dropped =
    dropOldest(db, BYTES_AT_ONCE, 'receivedAt < ?', now - held.ttlMs) ||
    makeRoom(db, heldBytes(db) - held.maxBytes);
  held.dropped += dropped;
  return dropped;
}

export function heldCounts(db: Database, { dropped }: HeldState): HeldCounts {
  const updates = db.get<{ updates: number }>('SELECT count(*) AS updates FROM held')?.updates ?? 0;
  return { updates, bytes: heldBytes(db), dropped };
}

const heldBytes = (db: Database): number =>
  db.get<{ bytes: number }>('SELECT bytes FROM held_total')?.bytes ?? 0;

function makeRoom(db: Database, excess: number): number {
  if (excess <= 0) return 0;
  const steps = givingWay(sharesOf(db), excess);
  for (let step = steps.next(); !step.done; step = steps.next(0)) {
    const { holder, bytes } = step.value;
    const older = 'holder = ? AND rowid < (SELECT max(rowid) FROM held)';
    const dropped = dropOldest(db, Math.min(bytes, BYTES_AT_ONCE), older, holderKey(holder));
    if (dropped > 0) return dropped;
  }
  return 0;
}

const sharesOf = (db: Database): HeldShare[] =>
  db
    .all<{ holder: string; bytes: number }>('SELECT holder, bytes FROM held_shares')
    .map(({ holder, bytes }) => ({ holder: holderOfKey(holder), bytes }));

/** Drops the oldest of some updates, until so many bytes are free. Answers with their number. */
function dropOldest(db: Database, bytes: number, which: string, bind: Bind): number {
  const oldest = db.all<{ number: number; bytes: number }>(
    `SELECT rowid AS number, bytes FROM held WHERE ${which} ORDER BY receivedAt, rowid LIMIT ${AT_ONCE}`,
    bind,
  );
  const some = entriesToDrop(oldest, bytes);
  for (const { number } of some) db.run('DELETE FROM held WHERE rowid = ?', number);
  return some.length;
}
