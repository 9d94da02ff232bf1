/** The work on submissions in SQLite. Each step is one transaction, with the slice that changes and the file that tells of it. */
import { clock } from '../../../clock.js';
import type { FileId, UserId } from '../../../domain/id.js';
import { type Claimant, mayReplace } from '../../../domain/ownership.js';
import { foreignFile } from '../../attribution.js';
import {
  isEnd,
  isPreparedList,
  isWorkedAt,
  NO_DELTA,
  type ProgressDelta,
  progressDelta,
  submissionProgressAfter,
  submissionProgressOf,
} from '../../submission-rules.js';
import type { Advanced, Lease, SliceState, Step, Submission } from '../../submissions.js';
import type { Database } from '../database.js';
import { currentGeneration, ownershipOf, touchGeneration } from '../generations.js';
import { findSubmission, type SubmissionRow, setLease, submissionOf } from './submission-rows.js';

const TAKEABLE = "ended = 0 AND state IN ('preparing', 'open')";

export function takeSubmission(
  db: Database,
  lease: Lease,
  passOver: readonly UserId[] = [],
): Submission | null {
  const now = clock.now();
  const row = db.get<SubmissionRow>(
    `SELECT * FROM submissions WHERE ${TAKEABLE} AND dueAt <= ?
       AND coalesce(json_extract(body, '$.claimant.userId'), '') NOT IN (SELECT value FROM json_each(?)) ORDER BY dueAt LIMIT 1`,
    ...[now, JSON.stringify(passOver)],
  );
  if (row === undefined) return null;
  setLease(db, row.id, lease, now);
  return submissionOf(row);
}

export const renewSubmission = (db: Database, id: string, { owner, ms }: Lease): boolean =>
  db.run(
    'UPDATE submissions SET dueAt = ? WHERE id = ? AND owner = ? AND ended = 0',
    ...[clock.now() + ms, id, owner],
  ).changes > 0;

/** The gateways that worked on submissions before this process are gone. */
export const releaseLeases = (db: Database): unknown =>
  db.run(`UPDATE submissions SET dueAt = 0 WHERE ${TAKEABLE}`);

export function advanceSubmission(db: Database, id: string, owner: string, step: Step): Advanced {
  const now = clock.now();
  const row = findSubmission(db, id);
  if (row === undefined) return 'over';
  if (row.owner !== owner) return 'lost';
  const state = isEnd(step) && hasOpenSlice(db, id) ? 'open' : (step.state ?? row.state);
  if (row.requestId !== null && state !== 'preparing' && !isCurrent(db, row)) return 'over';
  const counts = step.slice === undefined ? NO_DELTA : setSlice(db, row, step.slice, owner);
  const after: SubmissionRow = {
    ...row,
    ...submissionProgressAfter(row, step, counts),
    state,
    failures: step.failures ?? row.failures,
  };
  db.run(
    `UPDATE submissions SET state = ?, total = ?, submitted = ?, uncertain = ?, error = ?, failures = ?, dueAt = ?,
       answer = coalesce(?, answer), body = coalesce(?, body), filing = iif(?, NULL, filing) WHERE id = ?`,
    ...[state, after.total, after.submitted, after.uncertain, after.error, after.failures],
    ...[now + step.dueInMs, step.answer ?? null, step.order ?? null, Number(!isWorkedAt(state)), id],
  );
  tellFile(db, after, now);
  return 'done';
}

const hasOpenSlice = (db: Database, id: string): boolean =>
  db.get(
    "SELECT 1 AS open FROM slices WHERE submission = ? AND state IN ('waiting', 'sending', 'accepted') LIMIT 1",
    id,
  ) !== undefined;

const isCurrent = (db: Database, { fileId, requestId }: SubmissionRow): boolean =>
  db.get(
    'SELECT 1 AS is_current FROM generations WHERE fileId = ? AND state = 0 AND requestId = ?',
    fileId,
    requestId,
  ) !== undefined;

/** The file says how far the submission is; its listeners hear of it. */
function tellFile(db: Database, row: SubmissionRow, now: number): void {
  if (!isPreparedList(row)) return;
  const progress = JSON.stringify(submissionProgressOf(row));
  const changed = db.get<{ generation: number }>(
    'UPDATE generations SET submission = ?1 WHERE fileId = ?2 AND state = 0 AND requestId = ?3 AND submission IS NOT ?1 RETURNING generation',
    ...[progress, row.fileId, row.requestId],
  );
  if (changed !== undefined) touchGeneration(db, changed.generation, now);
}

function setSlice(
  db: Database,
  { id }: SubmissionRow,
  { number, state, acceptance }: NonNullable<Step['slice']>,
  owner: string,
): ProgressDelta {
  const slice = db.get<{ state: SliceState; emails: number }>(
    'SELECT state, emails FROM slices WHERE submission = ? AND number = ?',
    ...[id, number],
  );
  if (slice === undefined) return NO_DELTA;
  db.run(
    `UPDATE slices SET state = ?1, attempt = iif(?1 = 'sending', ?2, attempt), acceptance = iif(?5, acceptance, ?6)
     WHERE submission = ?3 AND number = ?4`,
    ...[state, owner, id, number, Number(acceptance === undefined), acceptance ?? null],
  );
  if (state === 'registered')
    db.run('DELETE FROM submission_pieces WHERE submission = ? AND slice = ?', id, number);
  return progressDelta(slice.state, state, slice.emails);
}

export function acceptSlice(
  db: Database,
  id: string,
  owner: string,
  number: number,
  acceptance: string,
): Advanced {
  const row = findSubmission(db, id);
  if (row === undefined) return 'over';
  const slice = db.get<{ state: SliceState; emails: number }>(
    "SELECT state, emails FROM slices WHERE submission = ? AND number = ? AND attempt = ? AND state IN ('sending', 'uncertain')",
    ...[id, number, owner],
  );
  if (slice === undefined) return 'lost';
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
  return isMine && !isStopped ? 'done' : 'lost';
}

export function submissionOfFile(db: Database, fileId: FileId): Submission | null {
  const row = db.get<SubmissionRow>(
    `SELECT submissions.* FROM submissions JOIN generations USING (fileId, requestId)
     WHERE fileId = ? AND ended = 0 AND submissions.state <> 'preparing' AND generations.state = 0 AND requestId IS NOT NULL`,
    fileId,
  );
  return row === undefined ? null : submissionOf(row);
}

export function retrySubmission(db: Database, id: string, claimant: Claimant): boolean {
  const now = clock.now();
  const row = findSubmission(db, id);
  const file = row && currentGeneration(db, row.fileId);
  if (row === undefined || file === undefined || !mayReplace(claimant, ownershipOf(file)))
    throw foreignFile();
  if (row.state === 'preparing') return false;
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
