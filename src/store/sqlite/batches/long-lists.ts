/**
 * Stores an update with a long list in several transactions, with turns for other writes in between: its results go where no
 * read finds them, and the last transaction makes them the batch's list. What is cut off before it is deleted.
 */
import { clock } from '../../../clock.js';
import type { BatchId } from '../../../domain/id.js';
import type { Claimant } from '../../../domain/ownership.js';
import { addTallies, type Tally } from '../../../domain/summary.js';
import { range } from '../../positions.js';
import { changedBetween, rewritesWith } from '../../rewrites.js';
import type { Database } from '../database.js';
import {
  dropWritten,
  findWritten,
  hideList,
  hideWritten,
  nextList,
  showWritten,
} from '../results/hidden-lists.js';
import { LIST_PLACES, LISTS, listOf, type ResultRows, resultsAt, writeResults } from '../results/results.js';
import { applyWith, type BatchRow, batchOf, takesList } from './batches.js';
import { type BareUpdate, hold } from './held-updates.js';
import { attribute, isBaseOf, type SavedHere, savedTo } from './save-update.js';

/** The list that a batch has. */
export interface Base {
  readonly length: number;
  readonly fingerprint: string;
}

/** Where an update is to be stored, or the answer to it. `isNew`: it has registered its batch. */
type Found =
  | { readonly base: Base; readonly isNew: boolean }
  | { readonly base: null; readonly saved: SavedHere | null };

/** Holds an update; null: it belongs elsewhere now. `results`: as JSON. */
function holdLong(
  db: Database,
  update: BareUpdate,
  results: string,
  sender: Claimant,
  now: number,
): SavedHere | null {
  if (attribute(db, update, sender, now).outcome !== 'held') return null;
  hold(db, update, results, sender, now);
  return { outcome: 'held', fileId: null };
}

/** Finds out where an update with a long list belongs. `saved` null: it is to be held. */
function find(db: Database, update: BareUpdate, sender: Claimant, now: number): Found {
  const attributed = attribute(db, update, sender, now);
  if (attributed.outcome === 'held') return { base: null, saved: null };
  if (attributed.outcome === 'superseded')
    return { base: null, saved: { outcome: 'superseded', fileId: null } };
  const { batch, fileId, isNew } = attributed;
  if (takesList(batch, update)) return { base: baseOf(batch), isNew };
  const isApplied = applyWith(db, batch, update, now, noList);
  return { base: null, saved: savedTo(db, batch, fileId, isApplied || isNew) };
}

const isSame = (a: Base, b: Base): boolean => a.length === b.length && a.fingerprint === b.fingerprint;

const baseOf = ({ length, fingerprint }: BatchRow): Base => ({ length, fingerprint });

function noList(): never {
  throw new Error('the update takes the place of no list');
}

/** Where the results of an update are written: the number of the list, and the position of the first of them. */
export interface WrittenList {
  readonly batchId: BatchId;
  readonly list: number;
  readonly start: number;
  readonly base: Base;
}

/**
 * Begins to write: behind the list that the batch has, which is `base`, or a new one. Null: the update belongs elsewhere now, or
 * the batch has another list, or one to which nothing can be added.
 */
function begin(
  db: Database,
  update: BareUpdate,
  base: Base,
  isExtension: boolean,
  sender: Claimant,
  now: number,
): WrittenList | null {
  const attributed = attribute(db, update, sender, now);
  if (attributed.outcome !== 'apply') return null;
  const { batch } = attributed;
  if (isExtension && !isBaseOf(db, batch, { stored: base })) return null;
  const { batchId } = update;
  const list = isExtension ? batch.list : nextList(db, batch);
  const written = { batchId, list: listOf({ ...batch, list }), start: isExtension ? batch.length : 0 };
  hideWritten(db, written.list, batch.generation, written.start);
  return { ...written, base: baseOf(batch) };
}

/**
 * Writes some results, from a position on. Answers with the positions that differ in the list that the batch has, where
 * `isCompared`; null: it has another one by now. Undefined: what was written before is gone, with its file, or because the batch
 * has got another list.
 */
function add(
  db: Database,
  { batchId, list, base }: WrittenList,
  from: number,
  rows: ResultRows,
  isCompared: boolean,
): readonly number[] | null | undefined {
  const written = findWritten(db, list);
  if (written === undefined) return undefined;
  writeResults(db, written.generation, list * LIST_PLACES + from, rows);
  if (!isCompared) return null;
  const batch = batchOf(db, batchId);
  if (batch === undefined || !isSame(batch, base)) return null;
  const after = rows.chunks.flatMap(({ body }) => body.split('\n'));
  const positions = range(from, Math.min(batch.length, from + after.length));
  const before = resultsAt(db, batch, positions).map(({ json }) => json);
  return changedBetween(before, after, from);
}

/** What was written. */
export interface WholeList {
  readonly length: number;
  readonly fingerprint: string;
  /** Of what was written. */
  readonly tally: Tally;
  /** Positions at which `base` differs; null: too many, or unknown. */
  readonly changed: readonly number[] | null;
}

/** Makes what was written the list of its batch; null: it is no more the batch's, and is deleted. */
function finish(
  db: Database,
  { list, base }: WrittenList,
  update: BareUpdate,
  { length, fingerprint, tally, changed }: WholeList,
  sender: Claimant,
  now: number,
): SavedHere | null {
  const attributed = attribute(db, update, sender, now);
  const isThere = findWritten(db, list) !== undefined;
  if (!isThere || attributed.outcome !== 'apply' || attributed.batch.number !== Math.floor(list / LISTS)) {
    dropWritten(db, list);
    return null;
  }
  const { batch, fileId, isNew } = attributed;
  const isApplied = applyWith(db, batch, update, now, (version) => {
    showWritten(db, list);
    if (list === listOf(batch)) {
      const tallyAfter = (before: Tally) => addTallies(before, tally);
      return { length, fingerprint, rewrites: batch.rewrites, tallyAfter };
    }
    if (batch.length > 0) hideList(db, batch);
    const rewrites = rewritesWith(batch, version, length, isSame(batch, base) ? changed : null);
    return { list: list % LISTS, length, fingerprint, rewrites, tallyAfter: () => tally };
  });
  dropWritten(db, list);
  return savedTo(db, batch, fileId, isApplied || isNew);
}

export const longListWrites = {
  find: (db: Database, update: BareUpdate, sender: Claimant) => find(db, update, sender, clock.now()),
  begin: (db: Database, update: BareUpdate, base: Base, isExtension: boolean, sender: Claimant) =>
    begin(db, update, base, isExtension, sender, clock.now()),
  add,
  finish: (db: Database, written: WrittenList, update: BareUpdate, list: WholeList, sender: Claimant) =>
    finish(db, written, update, list, sender, clock.now()),
  drop: dropWritten,
  hold: (db: Database, update: BareUpdate, results: string, sender: Claimant) =>
    holdLong(db, update, results, sender, clock.now()),
};
