/** Begins submissions in SQLite: of several that claim a key, or a file, one begins. */
import { clock } from '../../../clock.js';
import { decideClaim, isBeingPrepared } from '../../submission-rules.js';
import type { Claim, NewSubmission } from '../../submissions.js';
import type { Database } from '../database.js';
import { giveUpKey, type SubmissionRow, setLease, submissionOf, submissionUnder } from './submission-rows.js';

export function claimSubmission(db: Database, submission: NewSubmission): Claim {
  const now = clock.now();
  const { id, fileId, key, sending, lease, isExclusive } = submission;
  if (key !== null) {
    const stored = submissionUnder(db, key);
    const decision = decideClaim(stored, submission.fingerprint, now);
    if (decision.state === 'known' && decision.isMine) setLease(db, decision.submission.id, lease, now);
    if (decision.state !== 'mine') return decision;
    if (stored !== null) giveUpKey(db, stored);
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

export function dropExpiredSubmissions(db: Database): void {
  const now = clock.now();
  const expired = db.all<SubmissionRow>(
    `SELECT * FROM submissions WHERE expiresAt <= ? AND dueAt <= ?
       AND (key IS NOT NULL OR (requestId IS NULL AND state IN ('stopped', 'done'))) LIMIT 1000`,
    ...[now, now],
  );
  for (const row of expired) {
    const stored = { ...submissionOf(row), hasEnded: row.ended > 0 };
    if (!isBeingPrepared(stored)) giveUpKey(db, stored);
  }
}
