import { add, EMPTY_SUMMARY, type Summary } from '../../domain/summary.js';
import type { Database } from './database.js';
import { endGeneration, type GenerationRow, REPLACED } from './generations.js';

/** Files purged in one go: other writes wait no longer than for these. */
const AT_ONCE = 16;

/**
 * Purges some of the files that were over before then. Each goes on as a generation without results, and what its results add up
 * to; the old generation is cleaned away like one that was replaced.
 */
export function purgeFiles(db: Database, before: number, now: number): string[] {
  const finished = db.all<GenerationRow>(
    `SELECT * FROM generations WHERE state = 0 AND purged IS NULL AND finished_at < ? AND changes = announced_changes
     ORDER BY finished_at LIMIT ${AT_ONCE}`,
    before,
  );
  for (const generation of finished) purgeFile(db, generation, now);
  return finished.map(({ file_id }) => file_id);
}

function purgeFile(db: Database, before: GenerationRow, now: number): void {
  const rows = db.all<{ summary: string }>(
    'SELECT summary FROM batches WHERE generation = ?',
    before.generation,
  );
  const totals = rows.reduce((sum, { summary }) => add(sum, JSON.parse(summary) as Summary), EMPTY_SUMMARY);
  endGeneration(db, before.generation, REPLACED, now);
  db.run(
    `INSERT INTO generations (file_id, request_id, user_id, total_emails, total_batches, created_at, updated_at, last_heard_at,
       finished_at, changes, purged)
     SELECT file_id, request_id, ?, total_emails, total_batches, created_at, updated_at, last_heard_at, finished_at, 1, ?
     FROM generations WHERE generation = ?`,
    before.user_id,
    JSON.stringify(totals),
    before.generation,
  );
}
