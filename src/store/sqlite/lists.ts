/** Uploaded lists in SQLite. */
import type { FileId, ListId, UserId } from '../../domain/id.js';
import type { ListSummary } from '../../domain/list-summary.js';
import { listEnded } from '../list-chunks.js';
import {
  type CompletedList,
  LIST_CHUNK_BYTES,
  type NewList,
  UPLOAD_SILENCE_MS,
  type UploadedList,
} from '../lists.js';
import type { Database } from './database.js';
import { CHUNKS, endLists } from './ended-lists.js';
import { currentGeneration } from './generations.js';

interface ListRow {
  number: number;
  list_id: string;
  user_id: string | null;
  name: string;
  bytes: number;
  summary: string | null;
  expires_at: number | null;
  file_id: string | null;
}

const UPLOADING = 'list_id = ? AND summary IS NULL AND ended = 0 AND expires_at > ?';
const FOUND = 'summary IS NOT NULL AND ended = 0 AND (expires_at IS NULL OR expires_at > ?)';

export const createList = (db: Database, { listId, userId, name }: NewList, now: number): unknown =>
  db.run(
    'INSERT INTO lists (list_id, user_id, name, expires_at) VALUES (?, ?, ?, ?)',
    ...[listId, userId, name, now + UPLOAD_SILENCE_MS],
  );

export function appendToList(
  db: Database,
  listId: ListId,
  index: number,
  bytes: Uint8Array,
  now: number,
): void {
  const upload = db.get<{ number: number }>(
    `UPDATE lists SET expires_at = ?, bytes = max(bytes, ?) WHERE ${UPLOADING} RETURNING number`,
    ...[now + UPLOAD_SILENCE_MS, index * LIST_CHUNK_BYTES + bytes.length, listId, now],
  );
  if (upload === undefined) throw listEnded();
  // The driver takes no bytes as a parameter, and ends a text at its first NUL.
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  db.run(
    'INSERT OR REPLACE INTO list_chunks (place, body) VALUES (?, unhex(?))',
    upload.number * CHUNKS + index,
    hex,
  );
}

export function completeList(
  db: Database,
  listId: ListId,
  { summary, expiresAt }: CompletedList,
  now: number,
): void {
  const { changes } = db.run(
    `UPDATE lists SET summary = ?, expires_at = ? WHERE ${UPLOADING}`,
    ...[JSON.stringify(summary), expiresAt, listId, now],
  );
  if (changes === 0) throw listEnded();
}

export function findList(db: Database, listId: ListId, now: number): UploadedList | null {
  const row = db.get<ListRow>(`SELECT * FROM lists WHERE list_id = ? AND ${FOUND}`, listId, now);
  return row === undefined ? null : storedList(row);
}

export function listOfFile(db: Database, fileId: FileId): UploadedList | null {
  const current = currentGeneration(db, fileId);
  if (current === undefined) return null;
  const row = db.get<ListRow>(
    'SELECT * FROM lists WHERE generation = ? AND ended = 0 ORDER BY number DESC',
    current.generation,
  );
  return row === undefined ? null : storedList(row);
}

const storedList = (row: ListRow): UploadedList => ({
  listId: row.list_id,
  userId: row.user_id,
  name: row.name,
  bytes: row.bytes,
  summary: JSON.parse(row.summary ?? '') as ListSummary,
  expiresAt: row.expires_at,
  fileId: row.file_id,
});

export const countWaitingLists = (db: Database, userId: UserId | null, now: number): number =>
  db.get<{ lists: number }>(
    'SELECT count(*) AS lists FROM lists WHERE user_id IS ? AND generation IS NULL AND ended = 0 AND expires_at > ?',
    ...[userId, now],
  )?.lists ?? 0;

/** Also of an upload; null: it has ended. */
export const sizeOfList = (db: Database, listId: ListId): number | null =>
  db.get<{ bytes: number }>('SELECT bytes FROM lists WHERE list_id = ? AND ended = 0', listId)?.bytes ?? null;

/** Null: the list has ended, or has no such chunk. */
export function readListChunk(db: Database, listId: ListId, index: number): Uint8Array | null {
  const chunk = db.get<{ body: Uint8Array }>(
    `SELECT body FROM list_chunks WHERE place =
       (SELECT number * ${CHUNKS} + ? FROM lists WHERE list_id = ? AND ended = 0)`,
    ...[index, listId],
  );
  return chunk === undefined ? null : new Uint8Array(chunk.body);
}

export const reserveList = (
  db: Database,
  listId: ListId,
  submissionId: string,
  expiresAt: number,
  now: number,
): boolean =>
  db.run(
    `UPDATE lists SET expires_at = max(expires_at, ?), reserved_for = ?
     WHERE list_id = ? AND generation IS NULL AND ${FOUND}
       AND NOT EXISTS (SELECT 1 FROM submissions WHERE id = reserved_for AND id <> ? AND ended = 0)`,
    ...[expiresAt, submissionId, listId, now, submissionId],
  ).changes > 0;

export function attachList(db: Database, listId: ListId, fileId: FileId, now: number): boolean {
  const current = currentGeneration(db, fileId);
  if (current === undefined) return false;
  const { changes } = db.run(
    `UPDATE lists SET generation = ?, file_id = ?, expires_at = NULL
     WHERE list_id = ? AND (file_id IS NULL OR file_id = ?) AND ${FOUND}`,
    ...[current.generation, fileId, listId, fileId, now],
  );
  // A request has one list.
  if (changes > 0) endLists(db, 'generation = ? AND list_id <> ?', current.generation, listId);
  return changes > 0;
}
