import type { Announced, Summary } from '../../domain/summary.js';
import { batchCounts } from '../batch-counts.js';
import { statusOf } from '../batch-progress.js';
import { type Rewrite, unannounced } from '../rewrites.js';
import type { BatchCounts, BatchNews, BatchState, BatchStatus, News, Silence } from '../store.js';
import { type BatchRow, batchOf, progressOf, writeBatch } from './batches.js';
import type { Database } from './database.js';
import { factsOf, iso, standing } from './lives.js';
import { resultsAt } from './results.js';

export function news(db: Database, fileId: string, announced: ReadonlyMap<string, Announced>): News | null {
  const life = standing(db, fileId);
  if (life === undefined) return null;
  const batches: BatchNews[] = [];
  for (const [batchId, known] of announced) {
    const row = batchOf(db, batchId);
    if (row?.life === life.life && row.version !== known.version) batches.push(newsOf(db, row, known));
  }
  return { facts: factsOf(life), changes: life.changes, batches };
}

function newsOf(db: Database, row: BatchRow, announced: Announced): BatchNews {
  const positions = unannounced(JSON.parse(row.rewrites) as Rewrite[], row.length, announced);
  return {
    batchId: row.batch_id,
    version: row.version,
    summary: JSON.parse(row.summary) as Summary,
    results: resultsAt(db, row.number, positions).map((result) => ({ batchId: row.batch_id, ...result })),
    truncated:
      row.length < announced.summary.processed ? { batchId: row.batch_id, length: row.length } : null,
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
    'UPDATE lives SET stats = ?, kept = coalesce(?, kept) WHERE life = ? AND state = 0',
    stats,
    changes,
    Number(life),
  );
}

export const unannouncedFiles = (db: Database): string[] =>
  db
    .all<{ file_id: string }>('SELECT file_id FROM lives WHERE state = 0 AND changes <> kept')
    .map(({ file_id }) => file_id);

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
