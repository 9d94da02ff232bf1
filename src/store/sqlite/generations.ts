/** The generations of the files: which one is current, and how one begins and ends. */

import type { FileId, RequestId } from '../../domain/id.js';
import type { Ownership } from '../../domain/ownership.js';
import type { FileFacts, SubmissionProgress } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { BatchRegistration } from '../attribution.js';
import type { CurrentRequest, ProducedRequest } from '../registration-rules.js';
import { endDueOf } from './batches/due-updates.js';
import type { Database } from './database.js';

import { endLists } from './ended-lists.js';

import { type KeptCounts, recount } from './overview.js';

export interface GenerationRow {
  generation: number;
  fileId: string;
  requestId: string | null;
  userId: string | null;
  producer: string | null;
  state: number;
  totalEmails: number | null;
  totalBatches: number | null;
  batches: number;
  run: number;
  createdAt: number;
  updatedAt: number;
  changes: number;
  announcedChanges: number;
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
  db.get<GenerationRow>('SELECT * FROM generations WHERE fileId = ? AND state = 0', fileId);

export const findGeneration = (db: Database, generation: number): GenerationRow | undefined =>
  db.get<GenerationRow>('SELECT * FROM generations WHERE generation = ?', generation);

type RegistrationRow = Pick<
  GenerationRow,
  'fileId' | 'requestId' | 'userId' | 'producer' | 'state' | 'totalBatches'
>;

/** What an update has to know of its generation: each column that is read has to be copied, and the stats are long. */
export const findRegistration = (db: Database, generation: number): RegistrationRow | undefined =>
  db.get<RegistrationRow>(
    'SELECT fileId, requestId, userId, producer, state, totalBatches FROM generations WHERE generation = ?',
    generation,
  );

/** Whether a request of the file was replaced, or removed with the file. It is current again if it was registered anew. */
export function hasTombstone(db: Database, fileId: FileId, requestId: RequestId): boolean {
  const sql = 'SELECT 1 AS ended FROM generations WHERE fileId = ? AND requestId = ? AND state <> 0 LIMIT 1';
  return db.get(sql, fileId, requestId) !== undefined;
}

/** Answers with its number. */
export function openGeneration(db: Database, fileId: FileId, request: ProducedRequest, now: number): number {
  const { requestId, userId, producer, totalEmails, totalBatches, submission } = request;
  const { lastInsertRowid } = db.insert('generations', {
    fileId,
    requestId,
    userId,
    producer,
    totalEmails,
    totalBatches,
    submission: submission === undefined ? null : JSON.stringify(submission),
    createdAt: now,
    updatedAt: now,
    lastMessageAt: now,
  });
  return lastInsertRowid;
}

/** One that is over from the start, so that updates of its batches are recognised. Answers with its number. */
export const addEndedGeneration = (
  db: Database,
  fileId: FileId,
  requestId: RequestId | null,
  now: number,
): number => {
  const times = { createdAt: now, updatedAt: now, lastMessageAt: now, endedAt: now };
  return db.insert('generations', { fileId, requestId, state: REPLACED, ...times }).lastInsertRowid;
};

export function updateRequest(db: Database, row: GenerationRow, request: ProducedRequest): void {
  if (row.userId !== request.userId)
    recount(db, keptCounts(row), { userId: request.userId, counted: row.counted });
  const { requestId, userId, producer, totalEmails, totalBatches } = request;
  db.run(
    'UPDATE generations SET requestId = ?, userId = ?, producer = ?, totalEmails = ?, totalBatches = ? WHERE generation = ?',
    ...[requestId, userId, producer, totalEmails, totalBatches, row.generation],
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
  recount(db, keptCounts(row), { userId: null, counted: null });
  db.run(
    'UPDATE generations SET state = ?, endedAt = ?, stats = NULL, counted = NULL, userId = NULL, producer = NULL WHERE generation = ?',
    state,
    now,
    row.generation,
  );
  // They are deleted with the rest of it.
  db.run('DELETE FROM hidden_lists WHERE generation = ?', row.generation);
  endLists(db, 'generation = ?', row.generation);
  endDueOf(db, row.generation);
}

/**
 * Counts a change of the file: its announced stats are out of date until `markAnnounced` comes with this count. The file's
 * last change is never before an earlier one, though the clock may have been set back while no gateway ran.
 */
export const touchGeneration = (db: Database, generation: number, now: number): unknown =>
  db.run(
    'UPDATE generations SET changes = changes + 1, updatedAt = max(updatedAt, ?1), lastMessageAt = ?1 WHERE generation = ?2',
    now,
    generation,
  );

const keptCounts = ({ userId, counted }: GenerationRow): KeptCounts => ({ userId, counted });

export const iso = (ms: number): string => new Date(ms).toISOString();

export const ownershipOf = ({ fileId, userId, producer }: RegistrationRow): Ownership => ({
  fileId,
  userId,
  producer,
});

export const requestOf = (row: GenerationRow): CurrentRequest => ({
  ...ownershipOf(row),
  generation: String(row.generation),
  requestId: row.requestId,
  totalEmails: row.totalEmails,
  totalBatches: row.totalBatches,
  isPurged: row.purged !== null,
  batchCount: row.batches,
});

/** Where a batch of this generation belongs; undefined: the batch is not registered. */
export const batchRegistrationOf = (row: RegistrationRow | undefined): BatchRegistration =>
  row === undefined
    ? { state: 'unregistered' }
    : row.state === CURRENT
      ? {
          state: 'current',
          ...ownershipOf(row),
          requestId: row.requestId,
          totalBatches: row.totalBatches,
        }
      : { state: 'over', requestId: row.requestId };

export function factsOf(row: GenerationRow): FileFacts {
  return {
    fileId: row.fileId,
    requestId: row.requestId,
    generation: String(row.generation),
    userId: row.userId,
    totalEmails: row.totalEmails,
    totalBatches: row.totalBatches,
    createdAt: iso(row.createdAt),
    lastUpdated: iso(row.updatedAt),
    ...(row.submission === null ? {} : { submission: JSON.parse(row.submission) as SubmissionProgress }),
    ...(row.purged === null ? {} : { purged: JSON.parse(row.purged) as Summary }),
  };
}
