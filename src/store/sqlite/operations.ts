import type { Update } from '../../domain/update.js';
import type { Status } from '../../domain/verdict.js';
import type { LetterRecord } from '../letter-records.js';
import type { FilesQuery, PageQuery, ReceiptClaim, Registration, Silence } from '../store.js';
import { batchOf, failBatch, type Tail } from './batches.js';
import type { Database } from './database.js';
import {
  discard,
  discardOf,
  dropExpiredLetters,
  type LetterQuery,
  letter,
  letters,
  putAside,
} from './dead-letters.js';
import { dropExpired, type Holding, heldStanding } from './held.js';
import { files } from './listing.js';
import { endLife, factsOf, lifeOf, REMOVED, STANDS, standing } from './lives.js';
import {
  batchStates,
  countBatches,
  type Known,
  keepStats,
  news,
  stall,
  unannouncedFiles,
  unended,
} from './news.js';
import { page, type ScanPoint, scanSlice, scanStart } from './pages.js';
import { purge } from './purging.js';
import { claim, dropReceipts, settleReceipt } from './receipts.js';
import { register, save, saveTail } from './registry.js';

/** What the writing thread does, one at a time and in order; what changes something is on the disk before it answers. */
export function writing(db: Database, limits: { held: Holding; maxDeadLetterBytes: number }) {
  return {
    locate(batchId: string): string | null {
      const batch = batchOf(db, batchId);
      const life = batch === undefined ? undefined : lifeOf(db, batch.life);
      return life?.state === STANDS ? life.file_id : null;
    },
    register: (registration: Registration) => register(db, registration, Date.now()),
    save: (update: Update) => save(db, update, limits.held, Date.now()),
    saveTail: (tail: Tail) => saveTail(db, tail, Date.now()),
    fail(fileId: string, batchId: string, reason: string): boolean {
      const life = standing(db, fileId);
      const batch = batchOf(db, batchId);
      if (life === undefined || batch?.life !== life.life) return false;
      failBatch(db, batch, reason, Date.now());
      return true;
    },
    stall(silence: Silence) {
      // Asked for again and again, so nothing is held for much longer than it may be.
      dropExpired(db, limits.held, Date.now());
      return stall(db, silence);
    },
    purge: (before: number) => purge(db, before, Date.now()),
    /** `isClean`: nothing was there to be cleaned away. */
    end(fileId: string): { existed: boolean; isClean: boolean } {
      const discarded = discardOf(db, fileId);
      dropReceipts(db, fileId);
      const life = standing(db, fileId);
      if (life !== undefined) endLife(db, life.life, REMOVED, Date.now());
      return { existed: life !== undefined, isClean: life === undefined && discarded === 0 };
    },
    putAside: (record: LetterRecord, expiry: string) =>
      putAside(db, record, expiry, limits.maxDeadLetterBytes),
    discard: (id: string) => discard(db, id),
    dropExpiredLetters: (expiry: string) => dropExpiredLetters(db, expiry),
    file(fileId: string) {
      const life = standing(db, fileId);
      return life === undefined ? null : factsOf(life);
    },
    news: (fileId: string, announced: ReadonlyMap<string, Known>) => news(db, fileId, announced),
    keepStats: (fileId: string, life: string, changes: number | null, stats: string) => {
      keepStats(db, life, changes, stats);
      return fileId;
    },
    unannounced: () => unannouncedFiles(db),
    held: () => heldStanding(db, limits.held),
    claim: (receipt: ReceiptClaim) => claim(db, receipt, Date.now()),
    settleReceipt: (receipt: ReceiptClaim, answer: string | null) => {
      settleReceipt(db, receipt, answer);
      return receipt.key;
    },
  };
}

/** What the reading thread does beside it: whatever may take long and nobody's update should wait for. */
export function reading(db: Database) {
  return {
    batches: (fileId: string) => batchStates(db, fileId),
    unended: (query: { limit: number; after: string | null }) => unended(db, query),
    batchCounts: (fileId: string) => countBatches(db, fileId),
    page: (query: PageQuery) => page(db, query),
    scanStart: (fileId: string) => scanStart(db, fileId),
    scanSlice: (point: ScanPoint, status: Status | undefined) => scanSlice(db, point, status),
    files: (query: FilesQuery) => files(db, query),
    letters: (query: LetterQuery) => letters(db, query),
    letter: (id: string) => letter(db, id),
  };
}

/**
 * `cleaned` is answered by the thread itself, once nothing is left of the file's ended lives, and of all else that was
 * deleted before.
 */
export type Writing = ReturnType<typeof writing> & { cleaned(fileId: string | null): boolean };
export type Reading = ReturnType<typeof reading>;
