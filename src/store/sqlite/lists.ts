/** Uploaded lists in SQLite. */
import { clock } from '../../clock.js';
import type { FileId, ListId, RequestId, UserId } from '../../domain/id.js';
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
import { CHUNKS, endExpiredLists, endList, endLists } from './ended-lists.js';
import { currentGeneration } from './generations.js';

/** The columns that are shown. */
const SHOWN = 'listId, userId, name, bytes, summary, expiresAt, fileId';
/** With the summary as JSON. */
type ListRow = Omit<UploadedList, 'summary'> & { readonly summary: string };

const UPLOADING = 'listId = ? AND summary IS NULL AND ended = 0 AND expiresAt > ?';
const FOUND = 'summary IS NOT NULL AND ended = 0 AND (expiresAt IS NULL OR expiresAt > ?)';

function createList(db: Database, { listId, userId, name }: NewList): void {
  db.insert('lists', { listId, userId, name, expiresAt: clock.now() + UPLOAD_SILENCE_MS });
}

function appendToList(db: Database, listId: ListId, index: number, bytes: Uint8Array): void {
  const now = clock.now();
  const upload = db.get<{ number: number }>(
    `UPDATE lists SET expiresAt = ?, bytes = max(bytes, ?) WHERE ${UPLOADING} RETURNING number`,
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

function completeList(db: Database, listId: ListId, { summary, expiresAt }: CompletedList): void {
  const { changes } = db.run(
    `UPDATE lists SET summary = ?, expiresAt = ? WHERE ${UPLOADING}`,
    ...[JSON.stringify(summary), expiresAt, listId, clock.now()],
  );
  if (changes === 0) throw listEnded();
}

function findList(db: Database, listId: ListId): UploadedList | null {
  const row = db.get<ListRow>(
    `SELECT ${SHOWN} FROM lists WHERE listId = ? AND ${FOUND}`,
    listId,
    clock.now(),
  );
  return row === undefined ? null : storedList(row);
}

function listOfFile(db: Database, fileId: FileId): UploadedList | null {
  const current = currentGeneration(db, fileId);
  if (current === undefined) return null;
  const row = db.get<ListRow>(
    `SELECT ${SHOWN} FROM lists WHERE generation = ? AND ended = 0 ORDER BY number DESC`,
    current.generation,
  );
  return row === undefined ? null : storedList(row);
}

const storedList = (row: ListRow): UploadedList => ({
  ...row,
  summary: JSON.parse(row.summary) as ListSummary,
});

const countWaitingLists = (db: Database, userId: UserId | null): number =>
  db.get<{ lists: number }>(
    'SELECT count(*) AS lists FROM lists WHERE userId IS ? AND generation IS NULL AND ended = 0 AND expiresAt > ?',
    ...[userId, clock.now()],
  )?.lists ?? 0;

/** Also of an upload; null: it has ended. */
const sizeOfList = (db: Database, listId: ListId): number | null =>
  db.get<{ bytes: number }>('SELECT bytes FROM lists WHERE listId = ? AND ended = 0', listId)?.bytes ?? null;

/** Null: the list has ended, or has no such chunk. */
function readListChunk(db: Database, listId: ListId, index: number): Uint8Array | null {
  const chunk = db.get<{ body: Uint8Array }>(
    `SELECT body FROM list_chunks WHERE place =
       (SELECT number * ${CHUNKS} + ? FROM lists WHERE listId = ? AND ended = 0)`,
    ...[index, listId],
  );
  return chunk === undefined ? null : new Uint8Array(chunk.body);
}

const reserveList = (db: Database, listId: ListId, submissionId: string, expiresAt: number): boolean =>
  db.run(
    `UPDATE lists SET expiresAt = max(expiresAt, ?), reservedFor = ?
     WHERE listId = ? AND generation IS NULL AND ${FOUND}
       AND NOT EXISTS (SELECT 1 FROM submissions WHERE id = reservedFor AND id <> ? AND ended = 0)`,
    ...[expiresAt, submissionId, listId, clock.now(), submissionId],
  ).changes > 0;

function attachList(db: Database, listId: ListId, fileId: FileId, requestId: RequestId | null): boolean {
  const current = currentGeneration(db, fileId);
  if (current?.requestId !== requestId) return false;
  const { changes } = db.run(
    `UPDATE lists SET generation = ?, fileId = ?, expiresAt = NULL
     WHERE listId = ? AND (fileId IS NULL OR fileId = ?) AND ${FOUND}`,
    ...[current.generation, fileId, listId, fileId, clock.now()],
  );
  // A request has one list.
  if (changes > 0) endLists(db, 'generation = ? AND listId <> ?', current.generation, listId);
  return changes > 0;
}

export const listWrites = {
  create: createList,
  append: appendToList,
  complete: completeList,
  reserve: reserveList,
  attach: attachList,
  end: endList,
  dropExpired: endExpiredLists,
};
export const listReads = {
  find: findList,
  ofFile: listOfFile,
  waiting: countWaitingLists,
  size: sizeOfList,
  chunk: readListChunk,
};
