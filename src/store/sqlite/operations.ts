import type { BatchId, FileId } from '../../domain/id.js';
import type { FileFacts } from '../../domain/stats.js';
import type { Update } from '../../domain/update.js';
import type { DeadLetterRecord } from '../dead-letter-records.js';
import type { ReceiptClaim } from '../receipts.js';
import type { Registration, Silence } from '../store.js';
import { batchOf, failBatch } from './batches.js';
import { batchStates, changesSince, countBatches, findUnannounced, markAnnounced } from './changes.js';
import { purgeFiles } from './clean-up.js';
import type { Database } from './database.js';
import {
  addDeadLetter,
  discardDeadLetter,
  discardDeadLettersOfFile,
  dropExpiredDeadLetters,
  findDeadLetter,
  listDeadLetters,
} from './dead-letters.js';
import { listFiles } from './file-list.js';
import {
  CURRENT,
  currentGeneration,
  endGeneration,
  factsOf,
  findGeneration,
  REMOVED,
} from './generations.js';
import { dropExpired, type HeldUpdates, heldCounts } from './held-updates.js';
import { incompleteBatches, markStalledBatches } from './incomplete-batches.js';
import { readPage, scanSlice, scanStart } from './pages.js';
import { claimReceipt, completeReceipt, dropReceipts } from './receipts.js';
import { register } from './registration.js';
import { saveTail, saveUpdate, type Tail } from './save-update.js';

/** What the writing thread does, one at a time and in order; what changes something is on the disk before it answers. */
export function writerOperations(db: Database, limits: { held: HeldUpdates; maxDeadLetterBytes: number }) {
  return {
    fileOfBatch(batchId: BatchId): FileId | null {
      const batch = batchOf(db, batchId);
      const generation = batch === undefined ? undefined : findGeneration(db, batch.generation);
      return generation?.state === CURRENT ? generation.file_id : null;
    },
    register: (registration: Registration) => register(db, registration, Date.now()),
    save: (update: Update) => saveUpdate(db, update, limits.held, Date.now()),
    saveTail: (tail: Tail) => saveTail(db, tail, Date.now()),
    fail(fileId: FileId, batchId: BatchId, reason: string): boolean {
      const generation = currentGeneration(db, fileId);
      const batch = batchOf(db, batchId);
      if (generation === undefined || batch?.generation !== generation.generation) return false;
      failBatch(db, batch, reason, Date.now());
      return true;
    },
    markStalled: (silence: Silence) => markStalledBatches(db, silence),
    heldCounts: () => heldCounts(db, limits.held),
    dropExpiredUpdates: () => dropExpired(db, limits.held, Date.now()),

    findFile(fileId: FileId): FileFacts | null {
      const generation = currentGeneration(db, fileId);
      return generation === undefined ? null : factsOf(generation);
    },
    /** `isClean`: nothing was there to be cleaned away. */
    endFile(fileId: FileId): { existed: boolean; isClean: boolean } {
      const discarded = discardDeadLettersOfFile(db, fileId);
      dropReceipts(db, fileId);
      const generation = currentGeneration(db, fileId);
      if (generation !== undefined) endGeneration(db, generation.generation, REMOVED, Date.now());
      return { existed: generation !== undefined, isClean: generation === undefined && discarded === 0 };
    },
    purge: (before: number) => purgeFiles(db, before, Date.now()),

    changesSince: bound(db, changesSince),
    markAnnounced: bound(db, markAnnounced),
    findUnannounced: bound(db, findUnannounced),

    addDeadLetter: (record: DeadLetterRecord, expiry: string) =>
      addDeadLetter(db, record, expiry, limits.maxDeadLetterBytes),
    discardDeadLetter: bound(db, discardDeadLetter),
    dropExpiredDeadLetters: bound(db, dropExpiredDeadLetters),

    claimReceipt: (receipt: ReceiptClaim) => claimReceipt(db, receipt, Date.now()),
    completeReceipt: bound(db, completeReceipt),
  };
}

/** What the reading thread does beside it: whatever may take long and must not delay an update. */
export const readerOperations = (db: Database) => ({
  batches: bound(db, batchStates),
  batchCounts: bound(db, countBatches),
  listFiles: bound(db, listFiles),
  incompleteBatches: bound(db, incompleteBatches),
  readPage: bound(db, readPage),
  scanStart: bound(db, scanStart),
  scanSlice: bound(db, scanSlice),
  listDeadLetters: bound(db, listDeadLetters),
  findDeadLetter: bound(db, findDeadLetter),
});

const bound =
  <A extends unknown[], R>(db: Database, operation: (db: Database, ...args: A) => R) =>
  (...args: A): R =>
    operation(db, ...args);

/**
 * `cleaned` is answered by the thread itself, once nothing is left of the file's ended generations, and of all else that
 * was deleted before.
 */
export type WriterOperations = ReturnType<typeof writerOperations> & {
  cleaned(fileId: FileId | null): boolean;
};
export type ReaderOperations = ReturnType<typeof readerOperations>;
