/** The generations of the files: which one is current, and how one begins and ends. */

import type { FileId, RequestId } from '../../domain/id.js';
import type { Ownership } from '../../domain/ownership.js';
import type { FileFacts, SubmissionProgress } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { BatchRegistration } from '../attribution.js';
import type { CurrentRequest, RequestDetails } from '../registration-rules.js';
import type { Database } from './database.js';

import { endLists } from './ended-lists.js';

import { type OwnedCounts, recount } from './overview.js';

export interface GenerationRow {
  generation: number;
  file_id: string;
  request_id: string | null;
  user_id: string | null;
  producer: string | null;
  state: number;
  total_emails: number | null;
  total_batches: number | null;
  batches: number;
  run: number;
  created_at: number;
  updated_at: number;
  changes: number;
  announced_changes: number;
  stats: string | null;
  /** JSON of its `SubmissionProgress`; null: it was not submitted as a list. */
  submission: string | null;
  /** JSON, see overview.ts. */
  counted: string | null;
  /** JSON of its `Summary`; null: it has its addresses. */
  purged: string | null;
}

export const CURRENT = 0;
export const REPLACED = 1;
export const REMOVED = 2;

export const currentGeneration = (db: Database, fileId: string): GenerationRow | undefined =>
  db.get<GenerationRow>('SELECT * FROM generations WHERE file_id = ? AND state = 0', fileId);

export const findGeneration = (db: Database, generation: number): GenerationRow | undefined =>
  db.get<GenerationRow>('SELECT * FROM generations WHERE generation = ?', generation);

export type OwnerRow = Pick<
  GenerationRow,
  'file_id' | 'request_id' | 'user_id' | 'producer' | 'state' | 'total_batches'
>;

/** What an update has to know of its generation: each column that is read has to be copied, and the stats are long. */
export const findOwner = (db: Database, generation: number): OwnerRow | undefined =>
  db.get<OwnerRow>(
    'SELECT file_id, request_id, user_id, producer, state, total_batches FROM generations WHERE generation = ?',
    generation,
  );

/** Whether a request of the file was replaced, or removed with the file. It is current again if it was registered anew. */
export function hasTombstone(db: Database, fileId: FileId, requestId: RequestId): boolean {
  const sql =
    'SELECT 1 AS ended FROM generations WHERE file_id = ? AND request_id = ? AND state <> 0 LIMIT 1';
  return db.get(sql, fileId, requestId) !== undefined;
}

/** Answers with its number. */
export function openGeneration(
  db: Database,
  fileId: FileId,
  request: RequestDetails & Pick<Ownership, 'producer'>,
  now: number,
): number {
  const { lastInsertRowid } = db.run(
    `INSERT INTO generations (file_id, request_id, user_id, producer, total_emails, total_batches, submission, created_at,
       updated_at, last_message_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?8)`,
    fileId,
    request.requestId,
    request.userId,
    request.producer,
    request.totalEmails,
    request.totalBatches,
    request.submission === undefined ? null : JSON.stringify(request.submission),
    now,
  );
  return lastInsertRowid;
}

export function updateRequest(db: Database, row: GenerationRow, request: RequestDetails): void {
  if (row.user_id !== request.userId)
    recount(db, ownedCounts(row), { userId: request.userId, counted: row.counted });
  db.run(
    'UPDATE generations SET request_id = ?, user_id = ?, total_emails = ?, total_batches = ? WHERE generation = ?',
    request.requestId,
    request.userId,
    request.totalEmails,
    request.totalBatches,
    row.generation,
  );
}

/**
 * Ends a generation, and the list that is attached to it: no call answers from them any more. What they hold is deleted
 * afterwards, a few at a time.
 */
export function endGeneration(
  db: Database,
  row: GenerationRow,
  state: typeof REPLACED | typeof REMOVED,
  now: number,
): void {
  recount(db, ownedCounts(row), { userId: null, counted: null });
  db.run(
    'UPDATE generations SET state = ?, ended_at = ?, stats = NULL, counted = NULL, user_id = NULL, producer = NULL WHERE generation = ?',
    state,
    now,
    row.generation,
  );
  endLists(db, 'generation = ?', row.generation);
}

/**
 * Counts a change of the file: its announced stats are out of date until `markAnnounced` comes with this count. The file's
 * last change is never before an earlier one, though the clock may have been set back while no gateway ran.
 */
export const touchGeneration = (db: Database, generation: number, now: number): unknown =>
  db.run(
    'UPDATE generations SET changes = changes + 1, updated_at = max(updated_at, ?1), last_message_at = ?1 WHERE generation = ?2',
    now,
    generation,
  );

const ownedCounts = ({ user_id, counted }: GenerationRow): OwnedCounts => ({ userId: user_id, counted });

export const iso = (ms: number): string => new Date(ms).toISOString();

const ownershipOf = (row: OwnerRow): Ownership => ({
  fileId: row.file_id,
  userId: row.user_id,
  producer: row.producer,
});

export const requestOf = (row: GenerationRow): CurrentRequest => ({
  ...ownershipOf(row),
  generation: String(row.generation),
  requestId: row.request_id,
  totalEmails: row.total_emails,
  totalBatches: row.total_batches,
  isPurged: row.purged !== null,
});

/** The owner of a batch of this generation; undefined: the batch is not registered. */
export const ownerOf = (row: OwnerRow | undefined): BatchRegistration =>
  row === undefined
    ? { state: 'unregistered' }
    : row.state === CURRENT
      ? {
          state: 'current',
          ...ownershipOf(row),
          requestId: row.request_id,
          totalBatches: row.total_batches,
        }
      : { state: 'over', requestId: row.request_id };

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
    ...(row.submission === null ? {} : { submission: JSON.parse(row.submission) as SubmissionProgress }),
    ...(row.purged === null ? {} : { purged: JSON.parse(row.purged) as Summary }),
  };
}
