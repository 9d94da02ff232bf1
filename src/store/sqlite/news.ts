import type { Announced, Summary } from '../../domain/summary.js';
import { batchCounts } from '../batch-counts.js';
import { statusOf } from '../batch-progress.js';
import { type Rewrite, unannounced } from '../rewrites.js';
import type {
  BatchCounts,
  BatchNews,
  BatchState,
  BatchStatus,
  News,
  Silence,
  Unannounced,
  Unended,
} from '../store.js';
import { type BatchRow, batchOf, progressOf, writeBatch } from './batches.js';
import type { Database } from './database.js';
import { factsOf, iso, standing } from './lives.js';
import { resultsAt } from './results.js';

/** What was announced of a batch; and the fingerprint of the list that whoever asks has, so that it need not be read. */
export interface Known extends Announced {
  readonly fingerprint?: string | undefined;
}

/** `positions`: the results at these places of the list that whoever asks has; null: they are in `results`. */
type FoundBatch = BatchNews & { readonly positions: readonly number[] | null };
export type FoundNews = Omit<News, 'batches'> & { readonly batches: readonly FoundBatch[] };

export function news(db: Database, fileId: string, announced: ReadonlyMap<string, Known>): FoundNews | null {
  const life = standing(db, fileId);
  if (life === undefined) return null;
  const batches: FoundBatch[] = [];
  for (const [batchId, known] of announced) {
    const row = batchOf(db, batchId);
    if (row?.life === life.life && row.version !== known.version) batches.push(newsOf(db, row, known));
  }
  return { facts: factsOf(life), changes: life.changes, batches };
}

function newsOf(db: Database, row: BatchRow, announced: Known): FoundBatch {
  const { positions, isShorter } = unannounced(JSON.parse(row.rewrites) as Rewrite[], row.length, announced);
  const isKnown = announced.fingerprint === row.fingerprint;
  return {
    batchId: row.batch_id,
    version: row.version,
    summary: JSON.parse(row.summary) as Summary,
    results: isKnown
      ? []
      : resultsAt(db, row.number, positions).map((result) => ({ batchId: row.batch_id, ...result })),
    positions: isKnown ? positions : null,
    truncated: isShorter ? { batchId: row.batch_id, length: row.length } : null,
  };
}

export function batchStates(db: Database, fileId: string): BatchState[] {
  const life = standing(db, fileId);
  if (life === undefined) return [];
  const rows = db.all<BatchRow>(
    `SELECT batch_id, version, summary, begun, complete, stalled, failed_at, processed_count, news_at
     FROM batches WHERE life = ? ORDER BY ordinal`,
    life.life,
  );
  return rows.map((row) => ({
    batchId: row.batch_id,
    version: row.version,
    summary: JSON.parse(row.summary) as Summary,
    status: statusOf(progressOf(row)),
    lastUpdated: iso(row.news_at),
  }));
}

/** The same statuses as `statusOf` gives, without reading a row into memory. */
export const countBatches = (db: Database, fileId: string): BatchCounts =>
  batchCounts(
    db.all<{ status: BatchStatus; count: number; since: number }>(
      `SELECT CASE WHEN complete = 1 THEN 'completed'
                   WHEN failed_at IS NOT NULL AND processed_count <= failed_at THEN 'failed'
                   WHEN stalled = 1 THEN 'stalled'
                   WHEN begun = 1 THEN 'running'
                   ELSE 'waiting' END AS status,
              count(*) AS count, min(news_at) AS since
       FROM batches WHERE life = (SELECT life FROM lives WHERE file_id = ? AND state = 0) GROUP BY 1`,
      fileId,
    ),
  );

export function keepStats(db: Database, life: string, changes: number | null, stats: string): void {
  db.run(
    'UPDATE lives SET stats = ?, kept = coalesce(?, kept), finished_at = ? WHERE life = ? AND state = 0',
    stats,
    changes,
    finishedAt(stats),
    Number(life),
  );
}

function finishedAt(stats: string): number | null {
  const { completedAt } = JSON.parse(stats) as { completedAt?: unknown };
  return typeof completedAt === 'string' ? Date.parse(completedAt) : null;
}

export const unannouncedFiles = (db: Database): Unannounced[] =>
  db
    .all<{ file_id: string }>('SELECT file_id FROM lives WHERE state = 0 AND changes <> kept')
    .map(({ file_id }) => ({ fileId: file_id, batchIds: [] }));

/** Silent batches looked at in one go; the next look takes the next ones. */
const STALLS_AT_ONCE = 1000;

export function stall(db: Database, silence: Silence): { fileId: string; batchIds: string[] }[] {
  const silent = db.all<BatchRow & { file_id: string }>(
    `SELECT b.*, l.file_id FROM batches b JOIN lives l ON l.life = b.life
     WHERE b.open = 1 AND l.state = 0 AND b.news_at < max(?1, ?2)
       AND ((b.begun = 1 AND b.news_at < ?1) OR (b.begun = 0 AND b.news_at < ?2 AND l.heard_at < ?2))
     ORDER BY b.news_at LIMIT ${STALLS_AT_ONCE}`,
    silence.begunBefore,
    silence.queuedBefore,
  );
  const stalled = new Map<string, string[]>();
  for (const row of silent) {
    // The time of its news stays: it says since when the batch is silent.
    writeBatch(db, row, { ...row, version: row.version + 1, stalled: 1 }, null);
    // Nor has the file been heard of: else its waiting batches would be given their time anew.
    db.run('UPDATE lives SET changes = changes + 1 WHERE life = ?', row.life);
    stalled.set(row.file_id, [...(stalled.get(row.file_id) ?? []), row.batch_id]);
  }
  return [...stalled].map(([fileId, batchIds]) => ({ fileId, batchIds }));
}

/** Batches looked at, one after the other in the order of registration, to find those that have not ended. */
const LOOKED_AT = 10_000;

/** There is no index for it: nobody asks an embedded gateway, which has nowhere to look anything up. */
export function unended(db: Database, { limit, after }: { limit: number; after: string | null }): Unended {
  const from = Number(after ?? 0);
  const rows = db.all<BatchRow & { file_id: string; state: number }>(
    `SELECT b.*, l.file_id, l.state FROM batches b JOIN lives l ON l.life = b.life
     WHERE b.number > ?1 AND b.number <= ?2 AND b.complete = 0 AND l.state = 0 ORDER BY b.number LIMIT ?3`,
    from,
    from + LOOKED_AT,
    limit,
  );
  const batches = rows.flatMap((row) => {
    const status = statusOf(progressOf(row));
    if (status === 'completed' || status === 'failed') return [];
    return [{ fileId: row.file_id, batchId: row.batch_id, status }];
  });
  const upTo = rows.length === limit ? (rows.at(-1)?.number ?? from) : from + LOOKED_AT;
  const last = db.get<{ number: number }>('SELECT max(number) AS number FROM batches')?.number ?? 0;
  return { batches, next: upTo < last ? String(upTo) : null };
}
