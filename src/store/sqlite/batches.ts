import type { Result } from '../../domain/result.js';
import { fingerprints } from '../../domain/result.js';
import { NOTHING, restand, type Summary, subtract, summarize } from '../../domain/summary.js';
import type { Update } from '../../domain/update.js';
import { endedByHand, isOpen, type Progress, standingOf, stepOf, waiting } from '../batch-progress.js';
import { type Rewrite, remember } from '../rewrites.js';
import type { Database } from './database.js';
import { touchLife } from './lives.js';
import { appendResults, dropResults } from './results.js';
import { CELL_COLUMNS } from './schema.js';
import { addToSums } from './sums.js';

export interface BatchRow {
  number: number;
  batch_id: string;
  life: number;
  ordinal: number;
  version: number;
  begun: number;
  complete: number;
  stalled: number;
  failed_at: number | null;
  total_emails: number | null;
  processed_count: number;
  length: number;
  fingerprint: string;
  rewrites: string;
  summary: string;
  news_at: number;
}

/** All but the counts by cell, which are only added up: every column that is read has to be copied. */
export const BATCH_COLUMNS =
  'number, batch_id, life, ordinal, version, begun, complete, stalled, failed_at, total_emails, processed_count, length, fingerprint, rewrites, summary, news_at';

export const batchOf = (db: Database, batchId: string): BatchRow | undefined =>
  db.get<BatchRow>(`SELECT ${BATCH_COLUMNS} FROM batches WHERE batch_id = ?`, batchId);

export function insertBatch(
  db: Database,
  batch: { batchId: string; life: number; ordinal: number; totalEmails: number | null },
  now: number,
): void {
  const summary = restand(NOTHING, standingOf(waiting(batch.totalEmails)));
  db.run(
    'INSERT INTO batches (batch_id, life, ordinal, total_emails, summary, news_at) VALUES (?, ?, ?, ?, ?, ?)',
    batch.batchId,
    batch.life,
    batch.ordinal,
    batch.totalEmails,
    JSON.stringify(summary),
    now,
  );
}

export const progressOf = (row: BatchRow): Progress => ({
  begun: row.begun === 1,
  complete: row.complete === 1,
  stalled: row.stalled === 1,
  failedAt: row.failed_at,
  totalEmails: row.total_emails,
  processedCount: row.processed_count,
});

const columnsOf = (progress: Progress) => ({
  begun: Number(progress.begun),
  complete: Number(progress.complete),
  stalled: Number(progress.stalled),
  failed_at: progress.failedAt,
  total_emails: progress.totalEmails,
  processed_count: progress.processedCount,
});

/** Brings an update into its batch; false: there is nothing new in it. */
export function applyUpdate(db: Database, row: BatchRow, update: Update, now: number): boolean {
  const step = stepOf(progressOf(row), update);
  if (step === null) {
    if (update.isFound === true) return false;
    // Not news, but a sign of life: a second run repeats for a while what its first run said already.
    db.run('UPDATE batches SET news_at = ? WHERE number = ?', now, row.number);
    db.run('UPDATE lives SET heard_at = ? WHERE life = ?', now, row.life);
    return false;
  }
  const version = row.version + 1;
  const next: BatchRow = { ...row, ...columnsOf(step.progress), version, news_at: now };
  if (step.takesList) Object.assign(next, storeList(db, row, version, update.results));
  writeBatch(db, row, next, step.takesList ? update.results : null);
  if (step.fails) db.run('UPDATE batches SET failure = ? WHERE number = ?', update.failure, row.number);
  touchLife(db, row.life, now);
  return true;
}

/** Stores the list: only its tail where it extends the stored one, else all of it. */
function storeList(
  db: Database,
  row: BatchRow,
  version: number,
  results: readonly Result[],
): Pick<BatchRow, 'length' | 'fingerprint' | 'rewrites'> {
  const { prefix, whole } = fingerprints(results, row.length);
  const extended = row.length === 0 || (results.length >= row.length && prefix === row.fingerprint);
  if (extended) {
    appendResults(db, row.life, row.number, row.length, results.slice(row.length));
    return { length: results.length, fingerprint: whole, rewrites: row.rewrites };
  }
  const old = dropResults(db, row.life, row.number);
  appendResults(db, row.life, row.number, 0, results);
  const changed = results.flatMap(({ json }, position) =>
    position < old.length && json !== old[position] ? [position] : [],
  );
  const rewrites = remember(JSON.parse(row.rewrites) as Rewrite[], {
    version,
    before: row.length,
    length: results.length,
    changed,
  });
  return { length: results.length, fingerprint: whole, rewrites: JSON.stringify(rewrites) };
}

/** Writes a batch whose standing, and with `results` whose list, has changed; the sums above it follow. */
export function writeBatch(
  db: Database,
  before: BatchRow,
  after: BatchRow,
  results: readonly Result[] | null,
): void {
  const old = JSON.parse(before.summary) as Summary;
  const progress = progressOf(after);
  const standing = standingOf(progress);
  const summary = results === null ? restand(old, standing) : summarize(standing, results);
  db.run(
    `UPDATE batches SET version = ?, begun = ?, complete = ?, stalled = ?, failed_at = ?, total_emails = ?,
       processed_count = ?, length = ?, fingerprint = ?, rewrites = ?, summary = ?, news_at = ?, open = ?,
       ${CELL_COLUMNS.map((column) => `${column} = ?`).join(', ')}
     WHERE number = ?`,
    after.version,
    after.begun,
    after.complete,
    after.stalled,
    after.failed_at,
    after.total_emails,
    after.processed_count,
    after.length,
    after.fingerprint,
    after.rewrites,
    JSON.stringify(summary),
    after.news_at,
    Number(isOpen(progress)),
    ...summary.cells,
    after.number,
  );
  if (results !== null) addToSums(db, after.life, after.ordinal, subtract(summary, old).cells);
}

/** Ends a batch by hand: it counts as failed until it gets further than it is now. */
export function failBatch(db: Database, row: BatchRow, reason: string, now: number): void {
  const ended = endedByHand(progressOf(row));
  if (ended === null) return;
  writeBatch(db, row, { ...row, ...columnsOf(ended), version: row.version + 1, news_at: now }, null);
  db.run('UPDATE batches SET failure = ? WHERE number = ?', reason, row.number);
  touchLife(db, row.life, now);
}
