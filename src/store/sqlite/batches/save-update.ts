/** Stores updates in SQLite, as `UpdateStore.save` says. */
import type { FileId, RequestId } from '../../../domain/id.js';
import { type Claimant, mayExtend } from '../../../domain/ownership.js';
import { addTallies, type Tally } from '../../../domain/summary.js';
import type { Update } from '../../../domain/update.js';
import { attributionOf, foreignFile } from '../../attribution.js';
import type { Saved } from '../../store.js';
import type { Database } from '../database.js';
import {
  batchRegistrationOf,
  currentGeneration,
  findRegistration,
  hasTombstone,
  requestOf,
} from '../generations.js';
import { register } from '../registration.js';
import { isCrowded, isHidden } from '../results/hidden-lists.js';
import { appendResults, listOf, type ResultRows } from '../results/results.js';
import { applyUpdate, applyWith, type BatchRow, batchOf, knownBatch } from './batches.js';
import { type BareUpdate, hold } from './held-updates.js';

const SUPERSEDED: Saved = { outcome: 'superseded', fileId: null };

/** `isCrowded`: the batch has as many lists that wait to be deleted as it may have. */
export type SavedHere = Saved & { readonly isCrowded?: boolean };

/** Where an update belongs: to a registered batch, or not. `isNew`: the update has registered it. */
type Attributed =
  | { readonly outcome: 'held' }
  | { readonly outcome: 'superseded' }
  | { readonly outcome: 'apply'; readonly batch: BatchRow; readonly fileId: FileId; readonly isNew: boolean };

/** Stores an update, as `UpdateStore.save` says. */
export function saveUpdate(
  db: Database,
  update: BareUpdate & Pick<Update, 'results'>,
  sender: Claimant,
  now: number,
): SavedHere {
  const attributed = attribute(db, update, sender, now);
  if (attributed.outcome === 'superseded') return SUPERSEDED;
  if (attributed.outcome === 'held') {
    const { results, ...envelope } = update;
    hold(db, envelope, JSON.stringify(results), sender, now);
    return { outcome: 'held', fileId: null };
  }
  const { batch, fileId, isNew } = attributed;
  const isApplied = applyUpdate(db, batch, update, now);
  return savedTo(db, batch, fileId, isApplied || isNew);
}

/** The answer to an update of a registered batch. */
export const savedTo = (db: Database, batch: BatchRow, fileId: FileId, isApplied: boolean): SavedHere => ({
  outcome: isApplied ? 'applied' : 'unchanged',
  fileId,
  isCrowded: isCrowded(db, batch),
});

/** Finds out where an update belongs, and registers its batch where the update does that by itself. */
export function attribute(db: Database, update: BareUpdate, sender: Claimant, now: number): Attributed {
  const batch = batchOf(db, update.batchId);
  // It was held for a registration that is over.
  if (update.generation !== undefined && update.generation !== batch?.generation)
    return { outcome: 'superseded' };
  const generation = batch && findRegistration(db, batch.generation);
  const attribution = attributionOf(update, batchRegistrationOf(generation), sender);
  if (attribution === 'apply' && batch !== undefined && generation !== undefined)
    return { outcome: 'apply', batch, fileId: generation.fileId, isNew: false };
  if (attribution === 'superseded') return { outcome: 'superseded' };
  if (typeof attribution === 'string') return { outcome: 'held' };
  const { registration, unlessOver } = attribution;
  if (unlessOver !== null && isOver(db, unlessOver, sender)) return { outcome: 'superseded' };
  const { outcome } = register(db, registration, sender, now);
  if (outcome === 'superseded') return { outcome: 'superseded' };
  const { fileId } = registration;
  return { outcome: 'apply', batch: knownBatch(db, update.batchId), fileId, isNew: outcome !== 'unchanged' };
}

function isOver(
  db: Database,
  { fileId, requestId }: { fileId: FileId; requestId: RequestId },
  sender: Claimant,
): boolean {
  const current = currentGeneration(db, fileId);
  if (current !== undefined && !mayExtend(sender, requestOf(current))) throw foreignFile();
  // The request of a deleted file may have been registered anew: then it is current again.
  return current?.requestId !== requestId && hasTombstone(db, fileId, requestId);
}

/** What an update adds to a list that its sender believes to be the stored one. */
export interface Tail extends Omit<Update, 'results'> {
  readonly stored: { readonly length: number; readonly fingerprint: string };
  readonly rows: ResultRows;
  /** Of the whole list. */
  readonly fingerprint: string;
  /** Of the tail alone. */
  readonly tally: Tally;
}

/** Whether the stored list is the one that a tail is to be added to, and can be added to. */
export const isBaseOf = (db: Database, row: BatchRow, { stored }: Pick<Tail, 'stored'>): boolean =>
  row.length === stored.length &&
  (row.length === 0 || row.fingerprint === stored.fingerprint) &&
  !isHidden(db, listOf(row));

/** Appends the tail, for which the caller has checked `isBaseOf`; false: there is nothing new in the update. */
function applyTail(db: Database, row: BatchRow, tail: Tail, now: number): boolean {
  return applyWith(db, row, tail, now, () => {
    appendResults(db, row, row.length, tail.rows);
    const { fingerprint, tally } = tail;
    return {
      length: row.length + tally.processed,
      fingerprint,
      rewrites: row.rewrites,
      tallyAfter: (before) => addTallies(before, tally),
    };
  });
}

/** Stores an update that adds to the stored list of a known batch; null: it does not, so the whole update is needed. */
export function saveTail(db: Database, tail: Tail, sender: Claimant, now: number): Saved | null {
  const batch = batchOf(db, tail.batchId);
  if (batch === undefined || !isBaseOf(db, batch, tail)) return null;
  const generation = findRegistration(db, batch.generation);
  if (generation === undefined || attributionOf(tail, batchRegistrationOf(generation), sender) !== 'apply')
    return null;
  const applied = applyTail(db, batch, tail, now);
  return { outcome: applied ? 'applied' : 'unchanged', fileId: generation.fileId };
}
