/** The rows of submissions in SQLite: read, leased and ended. */
import type { FileId, RequestId } from '../../../domain/id.js';
import type { SubmissionProgress } from '../../../domain/stats.js';
import { isPreparedList, type StoredSubmission, submissionProgressOf } from '../../submission-rules.js';
import type { Lease, Submission } from '../../submissions.js';
import type { Database } from '../database.js';

export interface SubmissionRow extends Omit<Submission, 'order' | 'progress'>, SubmissionProgress {
  readonly body: string;
  readonly fingerprint: string;
  readonly owner: string;
  readonly dueAt: number;
  readonly expiresAt: number;
  readonly answer: string | null;
  readonly ended: number;
}

export const submissionOf = (row: SubmissionRow): Submission => {
  const { id, fileId, requestId, key, body: order, state, failures } = row;
  return { id, fileId, requestId, key, order, state, failures, progress: submissionProgressOf(row) };
};

export const findSubmission = (db: Database, id: string): SubmissionRow | undefined =>
  db.get<SubmissionRow>('SELECT * FROM submissions WHERE id = ? AND ended = 0', id);

export const submissionUnder = (db: Database, key: string): StoredSubmission | null => {
  const row = db.get<SubmissionRow & Pick<StoredSubmission, 'firstSlice'>>(
    `SELECT *, (SELECT state FROM slices WHERE submission = id AND number = 0) AS firstSlice
     FROM submissions WHERE key = ?`,
    key,
  );
  if (row === undefined) return null;
  const { fingerprint, answer, dueAt, expiresAt, firstSlice } = row;
  return { ...submissionOf(row), fingerprint, answer, dueAt, expiresAt, firstSlice, hasEnded: row.ended > 0 };
};

export const setLease = (db: Database, id: string, { owner, ms }: Lease, now: number): unknown =>
  db.run('UPDATE submissions SET owner = ?, dueAt = ? WHERE id = ?', owner, now + ms, id);

export function giveUpKey(db: Database, submission: Submission & Pick<StoredSubmission, 'hasEnded'>): void {
  const { id } = submission;
  if (!submission.hasEnded && isPreparedList(submission))
    db.run('UPDATE submissions SET key = NULL, answer = NULL WHERE id = ?', id);
  else endSubmission(db, id);
}

/** What it holds is deleted afterwards, a few pieces at a time. */
export function endSubmission(db: Database, id: string): void {
  db.run('UPDATE submissions SET ended = 1, key = NULL, filing = NULL, answer = NULL WHERE id = ?', id);
}

/** Ends the submissions of a file of which `mayEnd` says so, their keys included. True: there were any. */
export function endSubmissionsOf(
  db: Database,
  fileId: FileId,
  mayEnd: (submission: Submission) => boolean,
): boolean {
  const found = db.all<SubmissionRow>('SELECT * FROM submissions WHERE fileId = ?', fileId);
  const ending = found.map(submissionOf).filter(mayEnd);
  for (const { id } of ending) endSubmission(db, id);
  return ending.length > 0;
}

/** Ends the submission of a request that was replaced. What was answered under its key is remembered. */
export const endListSubmission = (db: Database, fileId: FileId, requestId: RequestId | null): unknown =>
  db.run(
    'UPDATE submissions SET ended = 1, filing = NULL WHERE fileId = ? AND requestId = ? AND ended = 0',
    ...[fileId, requestId],
  );
