import type { Result } from '../../domain/result.js';
import { fingerprints } from '../../domain/result.js';
import {
  type BatchStanding,
  NOTHING,
  restand,
  type Summary,
  subtract,
  summarize,
} from '../../domain/summary.js';
import { isNewer, type Update } from '../../domain/update.js';
import type { BatchStatus } from '../store.js';
import type { Database } from './database.js';
import { touchLife } from './lives.js';
import { appendResults, dropResults } from './results.js';
import { type Rewrite, remember } from './rewrites.js';
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

export const batchOf = (db: Database, batchId: string): BatchRow | undefined =>
  db.get<BatchRow>('SELECT * FROM batches WHERE batch_id = ?', batchId);

export function insertBatch(
  db: Database,
  batch: { batchId: string; life: number; ordinal: number; totalEmails: number | null },
  now: number,
): void {
  const summary = restand(NOTHING, {
    begun: false,
    isComplete: false,
    isFailed: false,
    isStalled: false,
    totalEmails: batch.totalEmails,
  });
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

/** A producer that says "failed" means it, however far it got; only a complete list takes that back. */
const FAILED_FOR_GOOD = Number.MAX_SAFE_INTEGER;

const isFailed = (row: Pick<BatchRow, 'complete' | 'failed_at' | 'processed_count'>): boolean =>
  row.complete === 0 && row.failed_at !== null && row.processed_count <= row.failed_at;

export function statusOf(row: BatchRow): BatchStatus {
  if (row.complete === 1) return 'completed';
  if (isFailed(row)) return 'failed';
  if (row.stalled === 1) return 'stalled';
  return row.begun === 1 ? 'running' : 'waiting';
}

/** Brings an update into its batch; false: there is nothing new in it. */
export function applyUpdate(db: Database, row: BatchRow, update: Update, now: number): boolean {
  const stored =
    row.begun === 1 ? { isComplete: row.complete === 1, processedCount: row.processed_count } : null;
  const newer = isNewer(update, stored);
  const fails = update.failure !== null && row.complete === 0 && row.failed_at !== FAILED_FOR_GOOD;
  if (!newer && !fails && row.stalled === 0) {
    // Not news, but a sign of life: a second run repeats for a while what its first run said already.
    db.run('UPDATE batches SET news_at = ? WHERE number = ?', now, row.number);
    return false;
  }
  const version = row.version + 1;
  const next: BatchRow = { ...row, version, stalled: 0, news_at: now, begun: 1 };
  if (fails) next.failed_at = FAILED_FOR_GOOD;
  if (newer) {
    next.complete = Number(update.isComplete);
    next.processed_count = update.processedCount;
    next.total_emails = update.totalEmails ?? row.total_emails;
    Object.assign(next, storeList(db, row, version, update.results));
  }
  writeBatch(db, row, next, newer ? update.results : null);
  if (fails) db.run('UPDATE batches SET failure = ? WHERE number = ?', update.failure, row.number);
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
  const standing: BatchStanding = {
    begun: after.begun === 1,
    isComplete: after.complete === 1,
    isFailed: isFailed(after),
    isStalled: after.stalled === 1,
    totalEmails: after.total_emails,
  };
  const summary = results === null ? restand(old, standing) : summarize(standing, results);
  const open = !(standing.isComplete || standing.isFailed || standing.isStalled);
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
    Number(open),
    ...summary.cells,
    after.number,
  );
  if (results !== null) addToSums(db, after.life, after.ordinal, subtract(summary, old).cells);
}

/** Ends a batch by hand: it counts as failed until it gets further than it is now. */
export function failBatch(db: Database, row: BatchRow, reason: string, now: number): void {
  if (row.complete === 1 || isFailed(row)) return;
  writeBatch(
    db,
    row,
    { ...row, version: row.version + 1, stalled: 0, failed_at: row.processed_count, news_at: now },
    null,
  );
  db.run('UPDATE batches SET failure = ? WHERE number = ?', reason, row.number);
  touchLife(db, row.life, now);
}
