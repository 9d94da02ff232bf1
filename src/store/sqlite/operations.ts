import type { Announced } from '../../domain/summary.js';
import type { Update } from '../../domain/update.js';
import type { Status } from '../../domain/verdict.js';
import type { FileCursor, PageQuery, ReceiptClaim, Registration, Silence } from '../store.js';
import { batchOf, failBatch } from './batches.js';
import type { Database } from './database.js';
import { dropExpired, type Holding, heldStanding } from './held.js';
import { endLife, factsOf, lifeOf, REMOVED, STANDS, standing } from './lives.js';
import { batchStates, countBatches, keepStats, news, stall, unannouncedFiles } from './news.js';
import { files, page, type ScanPoint, scanSlice, scanStart } from './pages.js';
import { claim, dropReceipts, settleReceipt } from './receipts.js';
import { register, save } from './registry.js';

/** What the writing thread does, one at a time and in order; what changes something is on the disk before it answers. */
export function writing(db: Database, holding: Holding) {
  return {
    locate(batchId: string): string | null {
      const batch = batchOf(db, batchId);
      const life = batch === undefined ? undefined : lifeOf(db, batch.life);
      return life?.state === STANDS ? life.file_id : null;
    },
    register: (registration: Registration) => register(db, registration, Date.now()),
    save: (update: Update) => save(db, update, holding, Date.now()),
    fail(fileId: string, batchId: string, reason: string): boolean {
      const life = standing(db, fileId);
      const batch = batchOf(db, batchId);
      if (life === undefined || batch?.life !== life.life) return false;
      failBatch(db, batch, reason, Date.now());
      return true;
    },
    stall(silence: Silence) {
      // Asked for again and again, so nothing is held for much longer than it may be.
      dropExpired(db, holding, Date.now());
      return stall(db, silence);
    },
    end(fileId: string): boolean {
      dropReceipts(db, fileId);
      const life = standing(db, fileId);
      if (life === undefined) return false;
      endLife(db, life.life, REMOVED, Date.now());
      return true;
    },
    file(fileId: string) {
      const life = standing(db, fileId);
      return life === undefined ? null : factsOf(life);
    },
    news: (fileId: string, announced: ReadonlyMap<string, Announced>) => news(db, fileId, announced),
    keepStats: (fileId: string, life: string, changes: number | null, stats: string) => {
      keepStats(db, life, changes, stats);
      return fileId;
    },
    unannounced: () => unannouncedFiles(db),
    held: () => heldStanding(db, holding),
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
    batchCounts: (fileId: string) => countBatches(db, fileId),
    page: (query: PageQuery) => page(db, query),
    scanStart: (fileId: string) => scanStart(db, fileId),
    scanSlice: (point: ScanPoint, status: Status | undefined) => scanSlice(db, point, status),
    files: (query: { limit: number; after: FileCursor | null }) => files(db, query),
  };
}

/** `cleaned` is answered by the thread itself, once nothing is left of the file's ended lives. */
export type Writing = ReturnType<typeof writing> & { cleaned(fileId: string): boolean };
export type Reading = ReturnType<typeof reading>;
