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
import { appendResults, hasReplacedOf, type ResultRows } from '../results/results.js';
import { applyUpdate, applyWith, type BatchRow, batchOf, knownBatch } from './batches.js';
import { hold } from './held-updates.js';

const SUPERSEDED: Saved = { outcome: 'superseded', fileId: null };

/** `hasReplaced`: the batch got another list, and what it had before is being deleted. */
export type SavedHere = Saved & { readonly hasReplaced?: boolean };

/** Stores an update, as `UpdateStore.save` says. */
export function saveUpdate(db: Database, update: Update, sender: Claimant, now: number): SavedHere {
  const saved = saveWhole(db, update, sender, now);
  if (saved.outcome !== 'applied') return saved;
  return { ...saved, hasReplaced: hasReplacedOf(db, update.batchId) };
}

function saveWhole(db: Database, update: Update, sender: Claimant, now: number): Saved {
  const batch = batchOf(db, update.batchId);
  const generation = batch && findRegistration(db, batch.generation);
  const attribution = attributionOf(update, batchRegistrationOf(generation), sender);
  if (attribution === 'superseded') return SUPERSEDED;
  if (attribution === 'hold') {
    hold(db, update, sender, now);
    return { outcome: 'held', fileId: null };
  }
  if (attribution === 'apply') {
    const applied = batch !== undefined && applyUpdate(db, batch, update, now);
    return { outcome: applied ? 'applied' : 'unchanged', fileId: generation?.fileId ?? null };
  }
  const { registration, unlessOver } = attribution;
  if (unlessOver !== null && isOver(db, unlessOver, sender)) return SUPERSEDED;
  const { outcome } = register(db, registration, sender, now);
  if (outcome === 'superseded') return SUPERSEDED;
  const applied = applyUpdate(db, knownBatch(db, update.batchId), update, now);
  return {
    outcome: applied || outcome !== 'unchanged' ? 'applied' : 'unchanged',
    fileId: registration.fileId,
  };
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

/** Whether the stored list is the one that a tail is to be added to. */
const isBaseOf = ({ length, fingerprint }: BatchRow, { stored }: Tail): boolean =>
  length === stored.length && (length === 0 || fingerprint === stored.fingerprint);

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
  if (batch === undefined || !isBaseOf(batch, tail)) return null;
  const generation = findRegistration(db, batch.generation);
  if (generation === undefined || attributionOf(tail, batchRegistrationOf(generation), sender) !== 'apply')
    return null;
  const applied = applyTail(db, batch, tail, now);
  return { outcome: applied ? 'applied' : 'unchanged', fileId: generation.fileId };
}
