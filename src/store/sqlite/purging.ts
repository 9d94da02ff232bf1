import { add, NOTHING, type Summary } from '../../domain/summary.js';
import type { Database } from './database.js';
import { endLife, type LifeRow, REPLACED } from './lives.js';

/** Files purged in one go: other writes wait no longer than for these. */
const AT_ONCE = 16;

/**
 * Purges some of the files that were over before then. Each goes on as a life without results, and what its results add up
 * to; the old life is cleaned away like one that was replaced.
 */
export function purge(db: Database, before: number, now: number): string[] {
  const finished = db.all<LifeRow>(
    `SELECT * FROM lives WHERE state = 0 AND purged IS NULL AND finished_at < ? AND changes = kept
     ORDER BY finished_at LIMIT ${AT_ONCE}`,
    before,
  );
  for (const life of finished) purgeLife(db, life, now);
  return finished.map(({ file_id }) => file_id);
}

function purgeLife(db: Database, before: LifeRow, now: number): void {
  const rows = db.all<{ summary: string }>('SELECT summary FROM batches WHERE life = ?', before.life);
  const totals = rows.reduce((sum, { summary }) => add(sum, JSON.parse(summary) as Summary), NOTHING);
  endLife(db, before.life, REPLACED, now);
  db.run(
    `INSERT INTO lives (file_id, request_id, user_id, total_emails, total_batches, created_at, updated_at, heard_at,
       finished_at, changes, purged)
     SELECT file_id, request_id, ?, total_emails, total_batches, created_at, updated_at, heard_at, finished_at, 1, ?
     FROM lives WHERE life = ?`,
    before.user_id,
    JSON.stringify(totals),
    before.life,
  );
}
