import type { FileFacts } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { Database } from './database.js';

export interface LifeRow {
  life: number;
  file_id: string;
  request_id: string | null;
  user_id: string | null;
  state: number;
  total_emails: number | null;
  total_batches: number | null;
  batches: number;
  run: number;
  created_at: number;
  updated_at: number;
  changes: number;
  stats: string | null;
  /** JSON of its `Summary`; null: it has its addresses. */
  purged: string | null;
}

export const STANDS = 0;
export const REPLACED = 1;
export const REMOVED = 2;

/** The life of a file that stands now. */
export const standing = (db: Database, fileId: string): LifeRow | undefined =>
  db.get<LifeRow>('SELECT * FROM lives WHERE file_id = ? AND state = 0', fileId);

export const lifeOf = (db: Database, life: number): LifeRow | undefined =>
  db.get<LifeRow>('SELECT * FROM lives WHERE life = ?', life);

/** Whether a request of the file is over: replaced by a later one, or removed with the file. */
export function hasEnded(db: Database, fileId: string, requestId: string): boolean {
  const sql = 'SELECT 1 AS ended FROM lives WHERE file_id = ? AND request_id = ? AND state <> 0 LIMIT 1';
  return db.get(sql, fileId, requestId) !== undefined;
}

export function openLife(
  db: Database,
  file: { fileId: string; requestId: string | null; userId: string | null },
  now: number,
): LifeRow {
  const { lastInsertRowid } = db.run(
    'INSERT INTO lives (file_id, request_id, user_id, created_at, updated_at, heard_at) VALUES (?, ?, ?, ?, ?, ?)',
    file.fileId,
    file.requestId,
    file.userId,
    now,
    now,
    now,
  );
  const life = lifeOf(db, lastInsertRowid);
  if (life === undefined) throw new Error('the life that was just opened is not there');
  return life;
}

/** Ends a life: nothing answers from it any more. Its results are cleaned away afterwards, a little at a time. */
export function endLife(
  db: Database,
  life: number,
  state: typeof REPLACED | typeof REMOVED,
  now: number,
): void {
  db.run(
    'UPDATE lives SET state = ?, ended_at = ?, stats = NULL, user_id = NULL WHERE life = ?',
    state,
    now,
    life,
  );
}

/** Counts a change of the file: its announced stats are out of date until `keepStats` comes with this count. */
export const touchLife = (db: Database, life: number, now: number): unknown =>
  db.run('UPDATE lives SET changes = changes + 1, updated_at = ?1, heard_at = ?1 WHERE life = ?2', now, life);

export const iso = (ms: number): string => new Date(ms).toISOString();

export function factsOf(row: LifeRow): FileFacts {
  return {
    fileId: row.file_id,
    requestId: row.request_id,
    life: String(row.life),
    userId: row.user_id,
    totalEmails: row.total_emails,
    totalBatches: row.total_batches,
    createdAt: iso(row.created_at),
    lastUpdated: iso(row.updated_at),
    ...(row.purged === null ? {} : { purged: JSON.parse(row.purged) as Summary }),
  };
}
