import type { FileFacts } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { Database } from './database.js';

export interface GenerationRow {
  generation: number;
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

export const CURRENT = 0;
export const REPLACED = 1;
export const REMOVED = 2;

/** The generation of a file that stands now. */
export const currentGeneration = (db: Database, fileId: string): GenerationRow | undefined =>
  db.get<GenerationRow>('SELECT * FROM generations WHERE file_id = ? AND state = 0', fileId);

export const findGeneration = (db: Database, generation: number): GenerationRow | undefined =>
  db.get<GenerationRow>('SELECT * FROM generations WHERE generation = ?', generation);

/** Whether a request of the file is over: replaced by a later one, or removed with the file. */
export function hasTombstone(db: Database, fileId: string, requestId: string): boolean {
  const sql =
    'SELECT 1 AS ended FROM generations WHERE file_id = ? AND request_id = ? AND state <> 0 LIMIT 1';
  return db.get(sql, fileId, requestId) !== undefined;
}

export function openGeneration(
  db: Database,
  file: { fileId: string; requestId: string | null; userId: string | null },
  now: number,
): GenerationRow {
  const { lastInsertRowid } = db.run(
    'INSERT INTO generations (file_id, request_id, user_id, created_at, updated_at, last_heard_at) VALUES (?, ?, ?, ?, ?, ?)',
    file.fileId,
    file.requestId,
    file.userId,
    now,
    now,
    now,
  );
  const generation = findGeneration(db, lastInsertRowid);
  if (generation === undefined) throw new Error('the generation that was just opened is not there');
  return generation;
}

/** Ends a generation: nothing answers from it any more. Its results are cleaned away afterwards, a little at a time. */
export function endGeneration(
  db: Database,
  generation: number,
  state: typeof REPLACED | typeof REMOVED,
  now: number,
): void {
  db.run(
    'UPDATE generations SET state = ?, ended_at = ?, stats = NULL, user_id = NULL WHERE generation = ?',
    state,
    now,
    generation,
  );
}

/** Counts a change of the file: its announced stats are out of date until `markAnnounced` comes with this count. */
export const touchGeneration = (db: Database, generation: number, now: number): unknown =>
  db.run(
    'UPDATE generations SET changes = changes + 1, updated_at = ?1, last_heard_at = ?1 WHERE generation = ?2',
    now,
    generation,
  );

export const iso = (ms: number): string => new Date(ms).toISOString();

export function factsOf(row: GenerationRow): FileFacts {
  return {
    fileId: row.file_id,
    requestId: row.request_id,
    generation: String(row.generation),
    userId: row.user_id,
    totalEmails: row.total_emails,
    totalBatches: row.total_batches,
    createdAt: iso(row.created_at),
    lastUpdated: iso(row.updated_at),
    ...(row.purged === null ? {} : { purged: JSON.parse(row.purged) as Summary }),
  };
}
