/** Updates that are held until their batch is registered, in SQLite. */
import type { BatchId, UserId } from '../../../domain/id.js';
import { type Claimant, holderOf } from '../../../domain/ownership.js';
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

/** Updates, and about how many bytes of them, that are taken or dropped in one go: other writes wait meanwhile. */
const AT_ONCE = 64;
export const BYTES_AT_ONCE = 2 ** 20;

/** As it is stored: a key cannot hold a null. */
const holderKey = (holder: UserId | null): string => holder ?? '';
const holderOfKey = (key: string): UserId | null => (key === '' ? null : key);

/** An update without its results. `generation`: that of the registration which has got it; missing: it has just come. */
export type BareUpdate = Omit<Update, 'results'> & { readonly generation?: number };

/**
 * Holds an update until its batch is registered, merged with the one that is held already: updates are cumulative. `results`: as
 * JSON. Others may have to go for it, see `dropSomeHeld`.
 */
export function hold(db: Database, update: BareUpdate, results: string, sender: Claimant, now: number): void {
  const { batchId } = update;
  const holder = holderKey(holderOf(sender));
  const earlier = db.get<{ envelope: string }>(
    'SELECT envelope FROM held WHERE batchId = ? AND holder = ?',
    batchId,
    holder,
  );
  const before = earlier === undefined ? null : (JSON.parse(earlier.envelope) as BareUpdate);
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

/** Bytes of the updates that are held for each of these batches, where there are any: no more than are taken in one go. */
export const heldBytesOf = (
  db: Database,
  batchIds: readonly BatchId[],
): { readonly batchId: BatchId; readonly bytes: number }[] =>
  isAnythingHeld(db)
    ? batchIds.flatMap((batchId) => {
        const rows = db.all<{ bytes: number }>(
          `SELECT bytes FROM held WHERE batchId = ? LIMIT ${AT_ONCE + 1}`,
          batchId,
        );
        return rows.length === 0 ? [] : [{ batchId, bytes: isTooMuch(rows) ? BYTES_AT_ONCE : sumOf(rows) }];
      })
    : [];

/** Whose registration takes updates of a batch: those of its user and of producers, received until then; an admin's those of all. */
export interface Taker extends Pick<Claimant, 'userId' | 'isAdmin'> {
  readonly registeredAt: number;
}

/** The rule of `takesHeld`. */
const OF_TAKER = "batchId = ?1 AND (?3 OR holder = '' OR holder = ?2) AND receivedAt <= ?4";
const ofTaker = (batchId: BatchId, { userId, isAdmin, registeredAt }: Taker): Bind[] => [
  batchId,
  holderKey(userId),
  Number(isAdmin),
  registeredAt,
];

const sumOf = (rows: readonly { readonly bytes: number }[]): number =>
  rows.reduce((sum, { bytes }) => sum + bytes, 0);

const isTooMuch = (rows: readonly { readonly bytes: number }[]): boolean =>
  rows.length > AT_ONCE || sumOf(rows) > BYTES_AT_ONCE;

/** Takes what a registration gets of a batch out of the table, merged into one; null: nothing. `later`: it is too much for one go. */
export function takeHeld(db: Database, batchId: BatchId, taker: Taker): Update | 'later' | null {
  const sizes = db.all<{ bytes: number }>(
    `SELECT bytes FROM held WHERE ${OF_TAKER} LIMIT ${AT_ONCE + 1}`,
    ...ofTaker(batchId, taker),
  );
  if (isTooMuch(sizes)) return 'later';
  const update = mergedHeld(db, batchId, taker);
  if (update === null) return null;
  dropHeld(db, update.held);
  return { ...update.envelope, results: JSON.parse(update.results) };
}

/** Held updates of a batch, merged into one. */
export interface MergedHeld {
  readonly envelope: BareUpdate;
  /** As JSON. */
  readonly results: string;
  /** What it is made of. */
  readonly held: readonly number[];
}

/** Some of what a registration gets of a batch: only the newest list is read. Null: nothing is left. */
export function mergedHeld(db: Database, batchId: BatchId, taker: Taker): MergedHeld | null {
  const rows = db.all<{ number: number; envelope: string }>(
    `SELECT rowid AS number, envelope FROM held WHERE ${OF_TAKER} ORDER BY holder LIMIT ${AT_ONCE}`,
    ...ofTaker(batchId, taker),
  );
  let envelope: BareUpdate | null = null;
  let newest = 0;
  for (const row of rows) {
    const next = JSON.parse(row.envelope) as BareUpdate;
    if (envelope === null || isNewer(next, envelope)) newest = row.number;
    envelope = envelope === null ? next : merged(envelope, next);
  }
  if (envelope === null) return null;
  const list = db.get<{ results: string }>('SELECT results FROM held WHERE rowid = ?', newest);
  return { envelope, results: list?.results ?? '[]', held: rows.map(({ number }) => number) };
}

function dropHeld(db: Database, numbers: readonly number[]): void {
  for (const number of numbers) db.run('DELETE FROM held WHERE rowid = ?', number);
}

/** Drops some of these updates; false: there are none. */
export const dropSomeOf = (db: Database, numbers: readonly number[]): boolean =>
  dropOldest(db, BYTES_AT_ONCE, 'rowid IN (SELECT value FROM json_each(?))', JSON.stringify(numbers)) > 0;

/** Drops some of what a registration gets of a batch; false: nothing is left. */
export const dropSomeOfHeld = (db: Database, batchId: BatchId, taker: Taker): boolean =>
  dropOldest(db, BYTES_AT_ONCE, OF_TAKER, ...ofTaker(batchId, taker)) > 0;

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

const NOT_DUE = 'batchId NOT IN (SELECT batchId FROM due_updates)';

/**
 * Drops some updates whose batch was not registered in time: these are addresses that belong to no file. Where there are none,
 * some of those beyond the byte limit, see held-shares.ts; the newest of all stays, however large it is: the answer to it says
 * that it is held. Answers with their number.
 */
export function dropSomeHeld(db: Database, held: HeldState, now: number): number {
  const dropped =
    dropOldest(db, BYTES_AT_ONCE, `${NOT_DUE} AND receivedAt < ?`, now - held.ttlMs) ||
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
    const older = `${NOT_DUE} AND holder = ? AND rowid < (SELECT max(rowid) FROM held)`;
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
function dropOldest(db: Database, bytes: number, which: string, ...bind: Bind[]): number {
  const oldest = db.all<{ number: number; bytes: number }>(
    `SELECT rowid AS number, bytes FROM held WHERE ${which} ORDER BY receivedAt, rowid LIMIT ${AT_ONCE}`,
    ...bind,
  );
  const some = entriesToDrop(oldest, bytes);
  dropHeld(
    db,
    some.map(({ number }) => number),
  );
  return some.length;
}
