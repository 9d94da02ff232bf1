/** Submissions in SQLite: claimed, leased and advanced. Each call is one transaction. */
import { clock } from '../../clock.js';
import type { FileId, RequestId } from '../../domain/id.js';
import type { SubmissionProgress } from '../../domain/stats.js';
import {
  type Advanced,
  type Claim,
  decideClaim,
  isEnd,
  type Lease,
  type NewSubmission,
  progressDelta,
  type SliceState,
  type Step,
  type StoredSubmission,
  type Submission,
} from '../submissions.js';
import type { Database } from './database.js';
import { touchGeneration } from './generations.js';
import { addRows, addressesOf, addSlice, nextSlice, rowsPart, slicesOf } from './slices.js';

interface SubmissionRow extends Omit<Submission, 'order' | 'progress'>, SubmissionProgress {
  readonly body: string;
  readonly fingerprint: string;
  readonly owner: string;
  readonly dueAt: number;
  readonly expiresAt: number;
  readonly answer: string | null;
  readonly ended: number;
}

const progressOf = ({ total, submitted, uncertain, error }: SubmissionRow): SubmissionProgress => ({
  total,
  submitted,
  uncertain,
  error,
});

const submissionOf = (row: SubmissionRow): Submission => {
  const { id, fileId, requestId, key, body: order, state, failures } = row;
  return { id, fileId, requestId, key, order, state, failures, progress: progressOf(row) };
};

const findSubmission = (db: Database, id: string): SubmissionRow | undefined =>
  db.get<SubmissionRow>('SELECT * FROM submissions WHERE id = ? AND ended = 0', id);

const submissionUnder = (db: Database, key: string): StoredSubmission | null => {
  const row = db.get<SubmissionRow & Pick<StoredSubmission, 'firstSlice'>>(
    `SELECT *, (SELECT state FROM slices WHERE submission = id AND number = 0) AS firstSlice
     FROM submissions WHERE key = ?`,
    key,
  );
  if (row === undefined) return null;
  const { fingerprint, answer, dueAt, expiresAt, firstSlice } = row;
  return { ...submissionOf(row), fingerprint, answer, dueAt, expiresAt, firstSlice };
};

function claimSubmission(db: Database, submission: NewSubmission): Claim {
  const now = clock.now();
  const { id, fileId, key, sending, lease, isExclusive } = submission;
  if (key !== null) {
    const stored = submissionUnder(db, key);
    const decision = decideClaim(stored, submission.fingerprint, now);
    if (decision.state === 'known' && decision.isMine) setLease(db, decision.submission.id, lease, now);
    if (decision.state !== 'mine') return decision;
    if (stored !== null && findSubmission(db, stored.id) !== undefined) releaseKey(db, stored);
    else if (stored !== null) endSubmission(db, stored.id);
  }
  if (isExclusive && db.get('SELECT 1 AS taken FROM submissions WHERE filing = ?', fileId) !== undefined)
    return { state: 'file_exists' };
  db.insert('submissions', {
    id,
    fileId,
    filing: isExclusive ? fileId : null,
    key,
    fingerprint: submission.fingerprint,
    requestId: submission.requestId,
    body: submission.order,
    state: sending.length > 0 ? 'open' : 'preparing',
    total: sending.reduce((sum, emails) => sum + emails, 0),
    owner: lease.owner,
    dueAt: now + lease.ms,
    expiresAt: now + submission.keepMs,
  });
  for (const [number, emails] of sending.entries())
    db.insert('slices', { submission: id, number, state: 'sending', emails, attempt: lease.owner });
  return { state: 'mine' };
}

/** A list submission outlives its key. */
function releaseKey(db: Database, { id, requestId, state }: Submission): void {
  if (requestId === null || state === 'preparing') endSubmission(db, id);
  else db.run('UPDATE submissions SET key = NULL, answer = NULL WHERE id = ?', id);
}

const setLease = (db: Database, id: string, { owner, ms }: Lease, now: number): unknown =>
  db.run('UPDATE submissions SET owner = ?, dueAt = ? WHERE id = ?', owner, now + ms, id);

const TAKEABLE = "ended = 0 AND state IN ('preparing', 'open')";

function takeSubmission(db: Database, lease: Lease): Submission | null {
  const now = clock.now();
  const row = db.get<SubmissionRow>(
    `SELECT * FROM submissions WHERE ${TAKEABLE} AND dueAt <= ? ORDER BY dueAt LIMIT 1`,
    now,
  );
  if (row === undefined) return null;
  setLease(db, row.id, lease, now);
  return submissionOf(row);
}

const renewSubmission = (db: Database, id: string, { owner, ms }: Lease): boolean =>
  db.run(
    'UPDATE submissions SET dueAt = ? WHERE id = ? AND owner = ? AND ended = 0',
    ...[clock.now() + ms, id, owner],
  ).changes > 0;

/** The gateways that worked on submissions before this process are gone. */
export const releaseLeases = (db: Database): unknown =>
  db.run(`UPDATE submissions SET dueAt = 0 WHERE ${TAKEABLE}`);

function advanceSubmission(db: Database, id: string, owner: string, step: Step): Advanced {
  const now = clock.now();
  const row = findSubmission(db, id);
  if (row === undefined) return 'over';
  if (row.owner !== owner) return 'lost';
  const state = isEnd(step) && hasOpenSlice(db, id) ? 'open' : (step.state ?? row.state);
  if (row.requestId !== null && state !== 'preparing' && !isCurrent(db, row)) return 'over';
  const counts = step.slice === undefined ? NO_CHANGE : setSlice(db, row, step.slice, owner);
  const after: SubmissionRow = {
    ...row,
    state,
    total: step.total ?? row.total,
    submitted: row.submitted + counts.submitted,
    uncertain: row.uncertain + counts.uncertain,
    error: step.error === undefined ? row.error : step.error,
    failures: step.failures ?? row.failures,
  };
  const isOver = state === 'stopped' || state === 'done';
  db.run(
    `UPDATE submissions SET state = ?, total = ?, submitted = ?, uncertain = ?, error = ?, failures = ?, dueAt = ?,
       answer = coalesce(?, answer), body = coalesce(?, body), filing = iif(?, NULL, filing) WHERE id = ?`,
    ...[state, after.total, after.submitted, after.uncertain, after.error, after.failures],
    ...[now + step.dueInMs, step.answer ?? null, step.order ?? null, Number(isOver), id],
  );
  tellFile(db, after, now);
  return 'done';
}

const hasOpenSlice = (db: Database, id: string): boolean =>
  db.get(
    "SELECT 1 AS open FROM slices WHERE submission = ? AND state IN ('waiting', 'sending', 'accepted') LIMIT 1",
    id,
  ) !== undefined;

const NO_CHANGE = { submitted: 0, uncertain: 0 };

const isCurrent = (db: Database, { fileId, requestId }: SubmissionRow): boolean =>
  db.get(
    'SELECT 1 AS is_current FROM generations WHERE fileId = ? AND state = 0 AND requestId = ?',
    fileId,
    requestId,
  ) !== undefined;

/** The file says how far the submission is; its listeners hear of it. */
function tellFile(db: Database, row: SubmissionRow, now: number): void {
  if (row.requestId === null || row.state === 'preparing') return;
  const progress = JSON.stringify(progressOf(row));
  const changed = db.get<{ generation: number }>(
    'UPDATE generations SET submission = ?1 WHERE fileId = ?2 AND state = 0 AND requestId = ?3 AND submission IS NOT ?1 RETURNING generation',
    ...[progress, row.fileId, row.requestId],
  );
  if (changed !== undefined) touchGeneration(db, changed.generation, now);
}

function setSlice(
  db: Database,
  { id }: SubmissionRow,
  { number, state }: NonNullable<Step['slice']>,
  owner: string,
): typeof NO_CHANGE {
  const slice = db.get<{ state: SliceState; emails: number }>(
    'SELECT state, emails FROM slices WHERE submission = ? AND number = ?',
    ...[id, number],
  );
  if (slice === undefined) return NO_CHANGE;
  db.run(
    "UPDATE slices SET state = ?1, attempt = iif(?1 = 'sending', ?2, attempt) WHERE submission = ?3 AND number = ?4",
    ...[state, owner, id, number],
  );
  if (state === 'registered')
    db.run('DELETE FROM submission_pieces WHERE submission = ? AND slice = ?', id, number);
  return progressDelta(slice.state, state, slice.emails);
}

function acceptSlice(db: Database, id: string, owner: string, number: number, acceptance: string): boolean {
  const row = findSubmission(db, id);
  if (row === undefined) return false;
  const slice = db.get<{ state: SliceState; emails: number }>(
    "SELECT state, emails FROM slices WHERE submission = ? AND number = ? AND attempt = ? AND state IN ('sending', 'uncertain')",
    ...[id, number, owner],
  );
  if (slice === undefined) return false;
  db.run(
    "UPDATE slices SET state = 'accepted', acceptance = ? WHERE submission = ? AND number = ?",
    ...[acceptance, id, number],
  );
  const isMine = row.owner === owner;
  const { uncertain } = progressDelta(slice.state, 'accepted', slice.emails);
  // The next gateway that works on submissions registers it.
  const isStopped = row.state === 'stopped';
  db.run(
    'UPDATE submissions SET uncertain = uncertain + ?, state = ?, dueAt = ? WHERE id = ?',
    ...[uncertain, isStopped ? 'open' : row.state, isStopped ? clock.now() : row.dueAt, id],
  );
  return isMine && !isStopped;
}

/** What it holds is deleted afterwards, a few pieces at a time. */
function endSubmission(db: Database, id: string): void {
  db.run('UPDATE submissions SET ended = 1, key = NULL, filing = NULL, answer = NULL WHERE id = ?', id);
}

/** Ends all submissions of a file, their keys included; true: there were any. */
export const endSubmissionsOf = (db: Database, fileId: FileId): boolean =>
  db.run(
    'UPDATE submissions SET ended = 1, key = NULL, filing = NULL, answer = NULL WHERE fileId = ?',
    fileId,
  ).changes > 0;

/** Ends the submission of a request that was replaced. What was answered under its key is remembered. */
export const endListSubmission = (db: Database, fileId: FileId, requestId: RequestId | null): unknown =>
  db.run(
    'UPDATE submissions SET ended = 1, filing = NULL WHERE fileId = ? AND requestId = ? AND ended = 0',
    ...[fileId, requestId],
  );

function submissionOfFile(db: Database, fileId: FileId): Submission | null {
  const row = db.get<SubmissionRow>(
    `SELECT submissions.* FROM submissions JOIN generations USING (fileId, requestId)
     WHERE fileId = ? AND ended = 0 AND submissions.state <> 'preparing' AND generations.state = 0 AND requestId IS NOT NULL`,
    fileId,
  );
  return row === undefined ? null : submissionOf(row);
}

function retrySubmission(db: Database, id: string): boolean {
  const now = clock.now();
  const row = findSubmission(db, id);
  if (row === undefined || row.state === 'preparing') return false;
  if (row.uncertain === 0 && row.state !== 'stopped') return false;
  db.run("UPDATE slices SET state = 'waiting' WHERE submission = ? AND state = 'uncertain'", id);
  const after: SubmissionRow = { ...row, state: 'open', uncertain: 0, error: null };
  // The gateway that works on it, if there is one, goes on with these slices.
  const dueAt = row.state === 'open' ? row.dueAt : now;
  db.run(
    "UPDATE submissions SET state = 'open', uncertain = 0, error = NULL, failures = 0, dueAt = ? WHERE id = ?",
    ...[dueAt, id],
  );
  tellFile(db, after, now);
  return true;
}

function dropExpiredSubmissions(db: Database): void {
  const now = clock.now();
  const expired = db.all<SubmissionRow>(
    `SELECT * FROM submissions WHERE expiresAt <= ? AND dueAt <= ?
       AND (key IS NOT NULL OR (requestId IS NULL AND state IN ('stopped', 'done'))) LIMIT 1000`,
    ...[now, now],
  );
  for (const row of expired) {
    if (row.ended === 0) releaseKey(db, submissionOf(row));
    else endSubmission(db, row.id);
  }
}

export const submissionWrites = {
  claim: claimSubmission,
  addSlice,
  addRows,
  take: takeSubmission,
  renew: renewSubmission,
  next: nextSlice,
  advance: advanceSubmission,
  accept: acceptSlice,
  end: endSubmission,
  ofFile: submissionOfFile,
  retry: retrySubmission,
  dropExpired: dropExpiredSubmissions,
};
export const submissionReads = { addresses: addressesOf, slices: slicesOf, rowsPart };
