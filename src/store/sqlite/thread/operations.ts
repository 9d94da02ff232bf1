/** What each database thread can be asked for: functions that take the database, by the part of the port and its call. */

import { clock } from '../../../clock.js';
import type { BatchId, FileId, ListId } from '../../../domain/id.js';
import type { Claimant } from '../../../domain/ownership.js';
import type { Update } from '../../../domain/update.js';
import type { DeadLetterRecord } from '../../dead-letter-records.js';
import type { Registration } from '../../store.js';
import { dueWrites } from '../batches/due-updates.js';
import {
  type BareUpdate,
  dropSomeHeld,
  type HeldState,
  heldBytesOf,
  heldCounts,
} from '../batches/held-updates.js';
import { incompleteBatches, markStalledBatches } from '../batches/incomplete-batches.js';
import { longListWrites } from '../batches/long-lists.js';
import { saveTail, saveUpdate, type Tail } from '../batches/save-update.js';
import { breakdownReads, breakdownWrites } from '../breakdowns.js';
import { changeWrites } from '../changes.js';
import type { Database } from '../database.js';
import { addDeadLetter, deadLetterReads, deadLetterWrites } from '../dead-letters.js';
import {
  backlogReads,
  backlogWrites,
  crowdedReads,
  crowdedWrites,
  deliveryReads,
  deliveryWrites,
} from '../deliveries.js';
import { failBatchOfFile, fileOfBatch, fileReads, fileWrites } from '../files.js';
import { listReads, listWrites } from '../lists.js';
import { writeProbe } from '../open.js';
import { checkBatches, register } from '../registration.js';
import { readPage } from '../results/pages.js';
import { scanSlice, scanStart } from '../results/scan.js';
import { revocationReads, revocationWrites } from '../revocations.js';
import { submissionReads, submissionWrites } from '../submissions/submissions.js';
import { webhookReads, webhookWrites } from '../webhooks.js';

/** What the writing thread does, one request at a time and in order. A change is on the disk before it is answered. */
export const writerOperations = (limits: { held: HeldState; maxDeadLetterBytes: number }) => ({
  files: fileWrites,
  updates: {
    fileOfBatch,
    register: (db: Database, registration: Registration, claimant: Claimant) =>
      register(db, registration, claimant, clock.now()),
    checkBatches,
    heldBytes: heldBytesOf,
    save: (db: Database, update: BareUpdate & Pick<Update, 'results'>, sender: Claimant) =>
      saveUpdate(db, update, sender, clock.now()),
    saveTail: (db: Database, tail: Tail, sender: Claimant) => saveTail(db, tail, sender, clock.now()),
    fail: (db: Database, fileId: FileId, batchId: BatchId, reason: string, claimant: Claimant) =>
      failBatchOfFile(db, fileId, batchId, reason, claimant, clock.now()),
    markStalled: markStalledBatches,
    heldCounts: (db: Database) => heldCounts(db, limits.held),
    dropSomeHeld: (db: Database) => dropSomeHeld(db, limits.held, clock.now()),
  },
  dueUpdates: dueWrites,
  longLists: longListWrites,
  changes: changeWrites,
  breakdowns: breakdownWrites,
  deadLetters: {
    ...deadLetterWrites,
    add: (db: Database, record: DeadLetterRecord, expiry: string) =>
      addDeadLetter(db, record, expiry, limits.maxDeadLetterBytes),
  },
  submissions: submissionWrites,
  revocations: revocationWrites,
  webhooks: { ...webhookWrites, ...deliveryWrites, ...crowdedWrites, ...backlogWrites },
  lists: listWrites,
  database: { probe: writeProbe },
});

/** What the reading thread does beside it: reads that may take long and must not delay an update. */
export const readerOperations = {
  files: fileReads,
  updates: { incompleteBatches },
  results: { page: readPage, scanStart, scanSlice },
  breakdowns: breakdownReads,
  deadLetters: deadLetterReads,
  submissions: submissionReads,
  revocations: revocationReads,
  webhooks: { ...webhookReads, ...deliveryReads, ...crowdedReads, ...backlogReads },
  lists: listReads,
};

/** The functions as the main thread calls them: without the database. */
type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (db: Database, ...args: infer A) => infer R
    ? (...args: A) => Promise<R>
    : never;
};
type RemoteParts<T> = { readonly [P in keyof T]: Remote<T[P]> };

/**
 * What has to be gone, besides anything that was deleted before: a file's ended generations, a list, or some of the lists that a
 * batch had before.
 */
export type Gone =
  | { readonly fileId: FileId }
  | { readonly listId: ListId }
  | { readonly batchId: BatchId }
  | null;

/** The thread itself answers `database.awaitCleanUp`, once nothing is left of it. */
export type WriterOperations = RemoteParts<ReturnType<typeof writerOperations>> & {
  readonly database: { awaitCleanUp(gone: Gone): Promise<boolean> };
};
export type ReaderOperations = RemoteParts<typeof readerOperations>;

/** As a request names it: the part of the port, and the call. */
export type OperationOf<T> = { [P in keyof T & string]: `${P}.${keyof T[P] & string}` }[keyof T & string];
export type WriterOperation = OperationOf<WriterOperations>;
