/** Reads about files in SQLite: lists of files, and the states and counts of a file's batches. */
import type { FileId } from '../../domain/id.js';
import type { Summary } from '../../domain/summary.js';
import { batchCounts, statusOf } from '../batch-progress.js';
import type { BatchCounts, BatchState, BatchStatus, FilesQuery, ListedFile } from '../store.js';
import { type BatchRow, progressOf } from './batches.js';
import type { Bind, Database } from './database.js';
import { currentGeneration, factsOf, type GenerationRow, iso } from './generations.js';

const CURRENT_FILES = 'SELECT * FROM generations WHERE state = 0';
const NEWEST_FIRST = 'ORDER BY created_at DESC, file_id DESC';

/** Files, newest first. A viewer's own files and the named ones are two lists, each cut before they are joined. */
export function listFiles(db: Database, { limit, after, viewer = null }: FilesQuery): ListedFile[] {
  const beyond = after === null ? '' : 'AND (created_at, file_id) < (?, ?)';
  const from: Bind[] = after === null ? [] : [Date.parse(after.createdAt), after.fileId];
  const part = (condition: string) =>
    `SELECT * FROM (${CURRENT_FILES} ${condition} ${beyond} ${NEWEST_FIRST} LIMIT ?)`;
  const rows =
    viewer === null
      ? db.all<GenerationRow>(`${CURRENT_FILES} ${beyond} ${NEWEST_FIRST} LIMIT ?`, ...from, limit)
      : db.all<GenerationRow>(
          `SELECT * FROM (${part('AND user_id = ?')} UNION ${part('AND file_id IN (SELECT value FROM json_each(?))')})
           ${NEWEST_FIRST} LIMIT ?`,
          ...[viewer.userId, ...from, limit],
          ...[JSON.stringify(viewer.fileIds), ...from, limit],
          limit,
        );
  return rows.map((row) => ({ facts: factsOf(row), stats: row.stats }));
}

/** All batches of a file's current request, in the order of registration. */
export function batchStates(db: Database, fileId: FileId): BatchState[] {
  const current = currentGeneration(db, fileId);
  if (current === undefined) return [];
  const rows = db.all<BatchRow>(
    `SELECT batch_id, version, summary, begun, complete, stalled, failed_at, processed_count, last_news_at
     FROM batches WHERE generation = ? ORDER BY ordinal`,
    current.generation,
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
export const countBatches = (db: Database, fileId: FileId): BatchCounts =>
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
