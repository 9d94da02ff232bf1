import type { Generation } from '../../domain/id.js';
import type { AnnouncedBatch, Summary } from '../../domain/summary.js';
import { batchCounts } from '../batch-counts.js';
import { statusOf } from '../batch-progress.js';
import { differenceSince, type Rewrite } from '../rewrites.js';
import type {
  BatchChanges,
  BatchCounts,
  BatchState,
  BatchStatus,
  FileChanges,
  Unannounced,
} from '../store.js';
import { type BatchRow, batchOf, progressOf } from './batches.js';
import type { Database } from './database.js';
import { currentGeneration, factsOf, iso } from './generations.js';
import { resultsAt } from './results.js';

/** What was announced of a batch; and the fingerprint of the list that whoever asks has, so that it need not be read. */
export interface KnownBatch extends AnnouncedBatch {
  readonly fingerprint?: string | undefined;
}

/** `positions`: the results at these places of the list that whoever asks has; null: they are in `results`. */
type FoundBatch = BatchChanges & { readonly positions: readonly number[] | null };
export type FoundChanges = Omit<FileChanges, 'batches'> & { readonly batches: readonly FoundBatch[] };

export function changesSince(
  db: Database,
  fileId: string,
  announced: ReadonlyMap<string, KnownBatch>,
): FoundChanges | null {
  const generation = currentGeneration(db, fileId);
  if (generation === undefined) return null;
  const batches: FoundBatch[] = [];
  for (const [batchId, known] of announced) {
    const row = batchOf(db, batchId);
    if (row?.generation === generation.generation && row.version !== known.version)
      batches.push(batchChangesOf(db, row, known));
  }
  return { facts: factsOf(generation), changes: generation.changes, batches };
}

function batchChangesOf(db: Database, row: BatchRow, announced: KnownBatch): FoundBatch {
  const { positions, isShorter } = differenceSince(
    JSON.parse(row.rewrites) as Rewrite[],
    row.length,
    announced,
  );
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
  const generation = currentGeneration(db, fileId);
  if (generation === undefined) return [];
  const rows = db.all<BatchRow>(
    `SELECT batch_id, version, summary, begun, complete, stalled, failed_at, processed_count, last_news_at
     FROM batches WHERE generation = ? ORDER BY ordinal`,
    generation.generation,
  );
  return rows.map((row) => ({
    batchId: row.batch_id,
    version: row.version,
    summary: JSON.parse(row.summary) as Summary,
    status: statusOf(progressOf(row)),
    lastUpdated: iso(row.last_news_at),
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
              count(*) AS count, min(last_news_at) AS since
       FROM batches WHERE generation = (SELECT generation FROM generations WHERE file_id = ? AND state = 0) GROUP BY 1`,
      fileId,
    ),
  );

export function markAnnounced(
  db: Database,
  generation: Generation,
  changes: number | null,
  stats: string,
  finishedAt: number | null,
): void {
  db.run(
    'UPDATE generations SET stats = ?, announced_changes = coalesce(?, announced_changes), finished_at = ? WHERE generation = ? AND state = 0',
    stats,
    changes,
    finishedAt,
    Number(generation),
  );
}

export const findUnannounced = (db: Database): Unannounced[] =>
  db
    .all<{ file_id: string }>(
      'SELECT file_id FROM generations WHERE state = 0 AND changes <> announced_changes',
    )
    .map(({ file_id }) => ({ fileId: file_id, batchIds: [] }));
