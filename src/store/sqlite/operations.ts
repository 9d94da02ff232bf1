/** What each database thread can be asked for: the list of its operations, by name. */

import { clock } from '../../clock.js';
import type { BatchId, FileId, Generation, ListId, UserId } from '../../domain/id.js';

import type { Claimant } from '../../domain/ownership.js';
import type { Update } from '../../domain/update.js';
import type { DeadLetterRecord } from '../dead-letter-records.js';
import type { CompletedList, NewList } from '../lists.js';
import type { Registration } from '../store.js';
import type { Lease, NewSubmission, Step } from '../submissions.js';
import { findBreakdown, keepBreakdowns } from './breakdowns.js';
import {
  type AnnouncedStats,
  changesSince,
  findUnannounced,
  markAnnounced,
  pendingChanges,
} from './changes.js';
import { purgeFiles } from './clean-up.js';
import { type Database, writeProbe } from './database.js';
import {
  addDeadLetter,
  discardDeadLetter,
  dropExpiredDeadLetters,
  findDeadLetter,
  listDeadLetters,
} from './dead-letters.js';
import { endExpiredLists, endList } from './ended-lists.js';
import {
  batchPage,
  batchStates,
  countBatches,
  endFile,
  failBatchOfFile,
  fileOfBatch,
  findFile,
  listFiles,
} from './files.js';
import { dropExpired, type HeldState, heldCounts } from './held-updates.js';
import { incompleteBatches, markStalledBatches } from './incomplete-batches.js';

import {
  appendToList,
  attachList,
  completeList,
  countWaitingLists,
  createList,
  findList,
  listOfFile,
  readListChunk,
  reserveList,
  sizeOfList,
} from './lists.js';

import { overview } from './overview.js';
import { readPage } from './pages.js';

import { foreignBatchesOf, register } from './registration.js';
import { addRevocation, revocationsSince } from './revocations.js';
import { saveTail, saveUpdate, type Tail } from './save-update.js';
import { scanSlice, scanStart } from './scan.js';
import { addRows, addressesOf, addSlice, nextSlice, rowsPart, slicesOf } from './slices.js';
import {
  acceptSlice,
  advanceSubmission,
  claimSubmission,
  dropExpiredSubmissions,
  endSubmission,
  renewSubmission,
  retrySubmission,
  submissionOfFile,
  takeSubmission,
} from './submissions.js';
import {
  addWebhook,
  claimDue,
  dropSettled,
  findWebhook,
  listDeliveries,
  listWebhooks,
  removeWebhook,
  replayDelivery,
  reportAttempt,
} from './webhooks.js';

/** What the writing thread does, one request at a time and in order. A change is on the disk before it is answered. */
export const writerOperations = (limits: { held: HeldState; maxDeadLetterBytes: number }) => ({
  fileOfBatch,
  register: (db: Database, registration: Registration, claimant: Claimant) =>
    register(db, registration, claimant, clock.now()),
  foreignBatches: foreignBatchesOf,
  save: (db: Database, update: Update, sender: Claimant) =>
    saveUpdate(db, update, sender, limits.held, clock.now()),
  saveTail: (db: Database, tail: Tail, sender: Claimant) => saveTail(db, tail, sender, clock.now()),
  fail: (db: Database, fileId: FileId, batchId: BatchId, reason: string) =>
    failBatchOfFile(db, fileId, batchId, reason, clock.now()),
  markStalled: markStalledBatches,
  heldCounts: (db: Database) => heldCounts(db, limits.held),
  dropExpiredUpdates: (db: Database) => dropExpired(db, limits.held, clock.now()),

  findFile,
  endFile: (db: Database, fileId: FileId) => endFile(db, fileId, clock.now()),
  purge: (db: Database, before: number) => purgeFiles(db, before, clock.now()),

  changesSince,
  markAnnounced: (db: Database, generation: Generation, changes: number | null, stats: AnnouncedStats) =>
    markAnnounced(db, generation, changes, stats, clock.now()),
  findUnannounced,
  pendingChanges,

  addDeadLetter: (db: Database, record: DeadLetterRecord, expiry: string) =>
    addDeadLetter(db, record, expiry, limits.maxDeadLetterBytes),
  discardDeadLetter,
  dropExpiredDeadLetters,

  probe: writeProbe,
  keepBreakdowns,

  claimSubmission: (db: Database, submission: NewSubmission) => claimSubmission(db, submission, clock.now()),
  addSlice,
  addRows,
  takeSubmission: (db: Database, lease: Lease) => takeSubmission(db, lease, clock.now()),
  renewSubmission: (db: Database, id: string, lease: Lease) => renewSubmission(db, id, lease, clock.now()),
  nextSlice,
  advanceSubmission: (db: Database, id: string, owner: string, step: Step) =>
    advanceSubmission(db, id, owner, step, clock.now()),
  acceptSlice: (db: Database, id: string, owner: string, number: number, acceptance: string) =>
    acceptSlice(db, id, owner, number, acceptance, clock.now()),
  endSubmission,
  submissionOfFile,
  retrySubmission: (db: Database, id: string) => retrySubmission(db, id, clock.now()),
  dropExpiredSubmissions: (db: Database) => dropExpiredSubmissions(db, clock.now()),
  addWebhook,
  removeWebhook,
  replayDelivery,
  claimDue,
  reportAttempt,
  dropSettled,
  createList: (db: Database, list: NewList) => createList(db, list, clock.now()),
  appendToList: (db: Database, listId: ListId, index: number, bytes: Uint8Array) =>
    appendToList(db, listId, index, bytes, clock.now()),
  completeList: (db: Database, listId: ListId, completed: CompletedList) =>
    completeList(db, listId, completed, clock.now()),
  reserveList: (db: Database, listId: ListId, submissionId: string, expiresAt: number) =>
    reserveList(db, listId, submissionId, expiresAt, clock.now()),
  attachList: (db: Database, listId: ListId, fileId: FileId) => attachList(db, listId, fileId, clock.now()),
  endList,
  endExpiredLists: (db: Database) => endExpiredLists(db, clock.now()),
  addRevocation,
});

/** What the reading thread does beside it: reads that may take long and must not delay an update. */
export const readerOperations = {
  batches: batchStates,
  batchPage,
  batchCounts: countBatches,
  overview,
  listFiles,
  incompleteBatches,
  readPage,
  scanStart,
  scanSlice,
  findBreakdown,
  listDeadLetters,
  findDeadLetter,
  addressesOf,
  slicesOf,
  rowsPart,
  listWebhooks,
  findWebhook,
  listDeliveries,
  findList: (db: Database, listId: ListId) => findList(db, listId, clock.now()),
  listOfFile,
  sizeOfList,
  readListChunk,
  reserveList,
  countWaitingLists: (db: Database, userId: UserId | null) => countWaitingLists(db, userId, clock.now()),
  revocationsSince,
};

/** The operations as the main thread calls them: without the database. */
type Remote<T> = {
  [K in keyof T]: T[K] extends (db: Database, ...args: infer A) => infer R ? (...args: A) => R : never;
};

/** What has to be gone, besides anything that was deleted before: a file's ended generations, or a list. */
export type Gone = { readonly fileId: FileId } | { readonly listId: ListId } | null;

/** The thread itself answers `awaitCleanUp`, once nothing is left of it. */
export type WriterOperations = Remote<ReturnType<typeof writerOperations>> & {
  awaitCleanUp(gone: Gone): boolean;
};
export type ReaderOperations = Remote<typeof readerOperations>;
