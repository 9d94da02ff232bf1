import { fingerprints, type Result } from '../../domain/result.js';
import {
  EMPTY_SUMMARY,
  type Summary,
  subtract,
  summaryOf,
  type Tally,
  tallyOf,
  withFlags,
} from '../../domain/summary.js';
import type { Update } from '../../domain/update.js';
import {
  type BatchProgress,
  endedByHand,
  flagsOf,
  isOpen,
  progressAfter,
  unheardOf,
} from '../batch-progress.js';
import { type Rewrite, rememberRewrite } from '../rewrites.js';
import type { Database } from './database.js';
import { touchGeneration } from './generations.js';
import { appendChunks, type Chunk, chunksOf, dropResults } from './results.js';
import { addToRollups } from './rollups.js';
import { CELL_COLUMNS } from './schema.js';

export interface BatchRow {
  number: number;
  batch_id: string;
  generation: number;
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
  last_news_at: number;
}

/** All but the counts by cell, which are only added up: every column that is read has to be copied. */
export const BATCH_COLUMNS =
  'number, batch_id, generation, ordinal, version, begun, complete, stalled, failed_at, total_emails, processed_count, length, fingerprint, rewrites, summary, last_news_at';

export const batchOf = (db: Database, batchId: string): BatchRow | undefined =>
  db.get<BatchRow>(`SELECT ${BATCH_COLUMNS} FROM batches WHERE batch_id = ?`, batchId);

export function insertBatch(
  db: Database,
  batch: { batchId: string; generation: number; ordinal: number; totalEmails: number | null },
  now: number,
): void {
  const summary = withFlags(EMPTY_SUMMARY, flagsOf(unheardOf(batch.totalEmails)));
  db.run(
    'INSERT INTO batches (batch_id, generation, ordinal, total_emails, summary, last_news_at) VALUES (?, ?, ?, ?, ?, ?)',
    batch.batchId,
    batch.generation,
    batch.ordinal,
    batch.totalEmails,
    JSON.stringify(summary),
    now,
  );
}

export const progressOf = (row: BatchRow): BatchProgress => ({
  begun: row.begun === 1,
  complete: row.complete === 1,
  stalled: row.stalled === 1,
  failedAt: row.failed_at,
  totalEmails: row.total_emails,
  processedCount: row.processed_count,
});

const columnsOf = (progress: BatchProgress) => ({
  begun: Number(progress.begun),
  complete: Number(progress.complete),
  stalled: Number(progress.stalled),
  failed_at: progress.failedAt,
  total_emails: progress.totalEmails,
  processed_count: progress.processedCount,
});

/** Brings an update into its batch; false: there is nothing new in it. */
export function applyUpdate(db: Database, row: BatchRow, update: Update, now: number): boolean {
  return apply(db, row, update, now, (version) => ({
    ...storeList(db, row, version, update.results),
    tally: tallyOf(update.results),
  }));
}

/** What an update adds to the list that its sender takes the stored one for. */
export interface Tail extends Omit<Update, 'results'> {
  readonly stored: { readonly length: number; readonly fingerprint: string };
  readonly chunks: readonly Chunk[];
  /** Of the whole list. */
  readonly fingerprint: string;
  readonly tally: Tally;
}

/** Whether the stored list is the one that a tail is to be added to. */
export const isBefore = ({ length, fingerprint }: BatchRow, { stored }: Tail): boolean =>
  length === stored.length && (length === 0 || fingerprint === stored.fingerprint);

/** Brings an update into its batch, of which `isBefore` says that it fits; false: there is nothing new in it. */
export function applyTail(db: Database, row: BatchRow, tail: Tail, now: number): boolean {
  return apply(db, row, tail, now, () => {
    appendChunks(db, row.generation, row.number, row.length, tail.chunks);
    const { fingerprint, tally } = tail;
    return { length: tally.processed, fingerprint, rewrites: row.rewrites, tally };
  });
}

type Stored = Pick<BatchRow, 'length' | 'fingerprint' | 'rewrites'>;

function apply(
  db: Database,
  row: BatchRow,
  update: Omit<Update, 'results'>,
  now: number,
  store: (version: number) => Stored & { tally: Tally },
): boolean {
  const step = progressAfter(progressOf(row), update);
  if (step === null) {
    if (update.isFound === true) return false;
    // Not news, but a sign of life: a second run repeats for a while what its first run said already.
    db.run('UPDATE batches SET last_news_at = ? WHERE number = ?', now, row.number);
    db.run('UPDATE generations SET last_heard_at = ? WHERE generation = ?', now, row.generation);
    return false;
  }
  const version = row.version + 1;
  const next: BatchRow = { ...row, ...columnsOf(step.progress), version, last_news_at: now };
  if (step.takesList) {
    const { tally, ...stored } = store(version);
    writeBatch(db, row, { ...next, ...stored }, tally);
  } else {
    writeBatch(db, row, next, null);
  }
  if (step.fails) db.run('UPDATE batches SET failure = ? WHERE number = ?', update.failure, row.number);
  touchGeneration(db, row.generation, now);
  return true;
}

/** Stores the list: only its tail where it extends the stored one, else all of it. */
function storeList(db: Database, row: BatchRow, version: number, results: readonly Result[]): Stored {
  const { prefix, whole } = fingerprints(results, row.length);
  const extended = row.length === 0 || (results.length >= row.length && prefix === row.fingerprint);
  if (extended) {
    appendChunks(db, row.generation, row.number, row.length, chunksOf(results.slice(row.length)));
    return { length: results.length, fingerprint: whole, rewrites: row.rewrites };
  }
  const old = dropResults(db, row.generation, row.number);
  appendChunks(db, row.generation, row.number, 0, chunksOf(results));
  const changed = results.flatMap(({ json }, position) =>
    position < old.length && json !== old[position] ? [position] : [],
  );
  const rewrites = rememberRewrite(JSON.parse(row.rewrites) as Rewrite[], {
    version,
    before: row.length,
    length: results.length,
    changed,
  });
  return { length: results.length, fingerprint: whole, rewrites: JSON.stringify(rewrites) };
}

/** Writes a batch whose standing, and with `tally` whose list, has changed; the sums above it follow. */
export function writeBatch(db: Database, before: BatchRow, after: BatchRow, tally: Tally | null): void {
  const old = JSON.parse(before.summary) as Summary;
  const progress = progressOf(after);
  const standing = flagsOf(progress);
  const summary = tally === null ? withFlags(old, standing) : summaryOf(standing, tally);
  db.run(
    `UPDATE batches SET version = ?, begun = ?, complete = ?, stalled = ?, failed_at = ?, total_emails = ?,
       processed_count = ?, length = ?, fingerprint = ?, rewrites = ?, summary = ?, last_news_at = ?, open = ?,
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
    after.last_news_at,
    Number(isOpen(progress)),
    ...summary.cells,
    after.number,
  );
  if (tally !== null) addToRollups(db, after.generation, after.ordinal, subtract(summary, old).cells);
}

/** Ends a batch by hand: it counts as failed until it gets further than it is now. */
export function failBatch(db: Database, row: BatchRow, reason: string, now: number): void {
  const ended = endedByHand(progressOf(row));
  if (ended === null) return;
  writeBatch(db, row, { ...row, ...columnsOf(ended), version: row.version + 1, last_news_at: now }, null);
  db.run('UPDATE batches SET failure = ? WHERE number = ?', reason, row.number);
  touchGeneration(db, row.generation, now);
}
