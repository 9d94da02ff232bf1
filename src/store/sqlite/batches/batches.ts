/** Reads and writes batches: how far each is, its list, and the counts above it. */

import type { BatchId } from '../../../domain/id.js';
import type { Result } from '../../../domain/result.js';
import {
  type Summary,
  subtract,
  summaryOf,
  type Tally,
  tallyOf,
  waitingSummary,
  withFlags,
} from '../../../domain/summary.js';
import type { Update } from '../../../domain/update.js';
import {
  type BatchProgress,
  failedByOperator,
  flagsOf,
  isOpen,
  progressAfter,
  statusOf,
} from '../../batch-progress.js';
import { compareLists, rewritesAfter, type StoredList } from '../../rewrites.js';
import type { Database } from '../database.js';
import { touchGeneration } from '../generations.js';
import { hideList, isHidden, nextList } from '../results/hidden-lists.js';
import { appendResults, listOf, rowsOf, wholeList } from '../results/results.js';
import { addToRollups } from '../rollups.js';

export interface BatchRow {
  number: number;
  batchId: BatchId;
  generation: number;
  ordinal: number;
  version: number;
  begun: number;
  complete: number;
  stalled: number;
  failedAtCount: number | null;
  totalEmails: number | null;
  processedCount: number;
  list: number;
  length: number;
  fingerprint: string;
  rewrites: string;
  summary: string;
  lastUpdateAt: number;
}

/** Every column that is read has to be copied. */
const BATCH_COLUMNS =
  'number, batchId, generation, ordinal, version, begun, complete, stalled, failedAtCount, totalEmails, processedCount, list, length, fingerprint, rewrites, summary, lastUpdateAt';

export const batchOf = (db: Database, batchId: BatchId): BatchRow | undefined =>
  db.get<BatchRow>(`SELECT ${BATCH_COLUMNS} FROM batches WHERE batchId = ?`, batchId);

/** A batch that this transaction has registered, or found registered. */
export function knownBatch(db: Database, batchId: BatchId): BatchRow {
  const row = batchOf(db, batchId);
  if (row === undefined) throw new Error('a registered batch is missing');
  return row;
}

/** Of a batch that is inserted, by the schema. */
export const FIRST_VERSION = 1;

export function insertBatch(
  db: Database,
  batch: { batchId: BatchId; generation: number; ordinal: number; totalEmails: number | null },
  now: number,
): void {
  db.run(
    'INSERT INTO batches (batchId, generation, ordinal, totalEmails, summary, lastUpdateAt) VALUES (?, ?, ?, ?, ?, ?)',
    batch.batchId,
    batch.generation,
    batch.ordinal,
    batch.totalEmails,
    JSON.stringify(waitingSummary(batch.totalEmails)),
    now,
  );
}

/** Whether an update's list is newer than the one that its batch has. */
export const takesList = (row: BatchRow, update: Omit<Update, 'results'>): boolean =>
  progressAfter(progressOf(row), update)?.takesList === true;

const progressOf = (row: BatchRow): BatchProgress => ({
  begun: row.begun === 1,
  complete: row.complete === 1,
  stalled: row.stalled === 1,
  failedAtCount: row.failedAtCount,
  totalEmails: row.totalEmails,
  processedCount: row.processedCount,
});

const columnsOf = (progress: BatchProgress) => ({
  begun: Number(progress.begun),
  complete: Number(progress.complete),
  stalled: Number(progress.stalled),
  failedAtCount: progress.failedAtCount,
  totalEmails: progress.totalEmails,
  processedCount: progress.processedCount,
});

/** Brings an update into its batch; false: there is nothing new in it. */
export function applyUpdate(db: Database, row: BatchRow, update: Update, now: number): boolean {
  return applyWith(db, row, update, now, (version) => ({
    ...storeList(db, row, version, update.results),
    tallyAfter: () => tallyOf(update.results),
  }));
}

/** Brings an update into its batch; `store` brings its list in, where that is newer. False: there is nothing new in it. */
export function applyWith(
  db: Database,
  row: BatchRow,
  update: Omit<Update, 'results'>,
  now: number,
  store: (version: number) => StoredList & { readonly list?: number; tallyAfter: TallyAfter },
): boolean {
  const step = progressAfter(progressOf(row), update);
  if (step === null) {
    if (update.isFound === true) return false;
    // Still a sign that the batch is worked on: a second run repeats for a while what its first run has sent.
    db.run('UPDATE batches SET lastUpdateAt = ? WHERE number = ?', now, row.number);
    db.run('UPDATE generations SET lastMessageAt = ? WHERE generation = ?', now, row.generation);
    return false;
  }
  const version = row.version + 1;
  const next: BatchRow = { ...row, ...columnsOf(step.progress), version, lastUpdateAt: now };
  if (step.takesList) {
    const { tallyAfter, ...stored } = store(version);
    writeBatch(db, row, { ...next, ...stored }, tallyAfter);
  } else {
    writeBatch(db, row, next, null);
  }
  if (step.fails) db.run('UPDATE batches SET failure = ? WHERE number = ?', update.failure, row.number);
  touchGeneration(db, row.generation, now);
  return true;
}

/** Stores the list: only its tail where it extends the stored one, else all of it. */
function storeList(
  db: Database,
  row: BatchRow,
  version: number,
  results: readonly Result[],
): StoredList & { readonly list?: number } {
  const { length } = results;
  const { isExtension, fingerprint } = compareLists(row, results);
  if (isExtension && !isHidden(db, listOf(row))) {
    appendResults(db, row, row.length, rowsOf(results.slice(row.length)));
    return { length, fingerprint, rewrites: row.rewrites };
  }
  const list = nextList(db, row);
  hideList(db, row);
  appendResults(db, { ...row, list }, 0, rowsOf(results));
  const after = results.map(({ json }) => json);
  return { list, length, fingerprint, rewrites: rewritesAfter(row, version, wholeList(db, row), after) };
}

type TallyAfter = (before: Tally) => Tally;

/** Writes a batch whose progress, and with `tallyAfter` whose list, has changed; the rollups above it follow. */
function writeBatch(db: Database, before: BatchRow, after: BatchRow, tallyAfter: TallyAfter | null): void {
  const old = JSON.parse(before.summary) as Summary;
  const progress = progressOf(after);
  const flags = flagsOf(progress);
  const summary = tallyAfter === null ? withFlags(old, flags) : summaryOf(flags, tallyAfter(old));
  db.run(
    `UPDATE batches SET version = ?, begun = ?, complete = ?, stalled = ?, failedAtCount = ?, totalEmails = ?,
       processedCount = ?, list = ?, length = ?, fingerprint = ?, rewrites = ?, summary = ?, lastUpdateAt = ?, open = ?, status = ?
     WHERE number = ?`,
    after.version,
    after.begun,
    after.complete,
    after.stalled,
    after.failedAtCount,
    after.totalEmails,
    after.processedCount,
    after.list,
    after.length,
    after.fingerprint,
    after.rewrites,
    JSON.stringify(summary),
    after.lastUpdateAt,
    Number(isOpen(progress)),
    statusOf(progress),
    after.number,
  );
  if (tallyAfter !== null) addToRollups(db, after.generation, after.ordinal, subtract(summary, old).cells);
}

/** Writes what has changed in a batch apart from its list. `heardAt`: when its last update came. */
export function writeProgress(
  db: Database,
  row: BatchRow,
  change: Partial<BatchProgress>,
  heardAt = row.lastUpdateAt,
): void {
  const columns = columnsOf({ ...progressOf(row), ...change });
  writeBatch(db, row, { ...row, ...columns, version: row.version + 1, lastUpdateAt: heardAt }, null);
}

/** Ends a batch that will never answer. */
export function failBatch(db: Database, row: BatchRow, reason: string, now: number): void {
  const failed = failedByOperator(progressOf(row));
  if (failed === null) return;
  writeProgress(db, row, failed, now);
  db.run('UPDATE batches SET failure = ? WHERE number = ?', reason, row.number);
  touchGeneration(db, row.generation, now);
}
