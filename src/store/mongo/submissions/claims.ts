/** Begins submissions in MongoDB: of several that claim a key, or a file, a unique index lets one in. */

import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import { decideClaim, isBeingPrepared, isPreparedList, submitterOf } from '../../submission-rules.js';
import type { Claim, NewSubmission, Submission } from '../../submissions.js';
import type { SliceDoc, SubmissionDoc } from '../documents/submissions.js';
import { unavailable } from '../errors.js';
import { findDocs, insertIfNew, type Models } from '../models.js';
import {
  claimedBy,
  endSubmission,
  fileClaim,
  keyClaim,
  releaseKey,
  submissionOf,
  submissionUnder,
} from './submission-docs.js';

/** How often a claim is tried again because another one was faster. */
const ATTEMPTS = 20;

export async function claimSubmission(db: Models, submission: NewSubmission): Promise<Claim> {
  const { key, fingerprint, lease } = submission;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = clock.now();
    if (key !== null) {
      const stored = await submissionUnder(db, key);
      const decision = decideClaim(stored, fingerprint, now);
      if (decision.state === 'known' && decision.isMine && stored !== null) {
        const { owner, dueAt } = stored.doc;
        const taken = await db.submissions.updateOne(
          { _id: stored.id, owner, dueAt },
          { $set: { owner: lease.owner, dueAt: new Date(now + lease.ms) } },
        );
        if (taken.modifiedCount === 0) continue;
      }
      if (decision.state !== 'mine') return decision;
      if (stored !== null) await giveUpKey(db, stored);
    }
    const taken = await begin(db, submission, now);
    if (taken === null) return { state: 'mine' };
    // Another claim of the key was faster, or what has the file is gone: then the next try finds out.
    if (taken === 'file' && (await claimedBy(db, fileClaim(submission.fileId))) !== null)
      return { state: 'file_exists' };
  }
  throw unavailable('too many submissions under one key at once');
}

async function giveUpKey(db: Models, submission: Submission): Promise<void> {
  const { id, key } = submission;
  if (isPreparedList(submission) && key !== null) await releaseKey(db, id, key);
  else await endSubmission(db, id);
}

/** The claims come last: none is ever without its submission. Answers with the claim that another submission has. */
async function begin(db: Models, submission: NewSubmission, now: number): Promise<'key' | 'file' | null> {
  const { id, sending, key, fileId, isExclusive } = submission;
  const slices = sending.map((emails, number): SliceDoc => {
    const isSent = { state: 'sending', isOpen: true, attempt: submission.lease.owner } as const;
    return { submission: id, number, emails, acceptance: null, ...isSent };
  });
  if (slices.length > 0) await db.slices.insertMany(slices, { lean: true });
  await db.submissions.insertMany([newDoc(submission, now)], { lean: true });
  const claim = (_id: string) => insertIfNew(db.submissionClaims, { _id, submission: id });
  const isKeyTaken = key !== null && !(await claim(keyClaim(key)));
  const isFileTaken = !isKeyTaken && isExclusive && !(await claim(fileClaim(fileId)));
  if (!isKeyTaken && !isFileTaken) return null;
  await endSubmission(db, id);
  return isKeyTaken ? 'key' : 'file';
}

const newDoc = (submission: NewSubmission, now: number): SubmissionDoc => ({
  _id: submission.id,
  fileId: submission.fileId,
  key: submission.key,
  fingerprint: submission.fingerprint,
  requestId: submission.requestId,
  order: submission.order,
  submitter: submitterOf(submission),
  state: submission.sending.length > 0 ? 'open' : 'preparing',
  isDue: true,
  total: submission.sending.reduce((sum, emails) => sum + emails, 0),
  submitted: 0,
  uncertain: 0,
  error: null,
  failures: 0,
  owner: submission.lease.owner,
  dueAt: new Date(now + submission.lease.ms),
  expiresAt: new Date(now + submission.keepMs),
  answer: null,
});

/** Frees keys whose time is over; a submission that nothing else needs goes with its key. */
export async function dropExpiredSubmissions(db: Models): Promise<void> {
  const past = trusted({ $lte: new Date(clock.now()) });
  const expired = await findDocs(
    db.submissions,
    { expiresAt: past, dueAt: past, $or: [{ key: trusted({ $ne: null }) }, { requestId: null }] },
    { limit: 1000 },
  );
  for (const doc of expired) {
    const { _id: id, state, ended: hasEnded = false } = doc;
    if (hasEnded) await endSubmission(db, id);
    else if (isBeingPrepared({ state, hasEnded })) continue;
    else if (doc.key !== null || state === 'stopped' || state === 'done')
      await giveUpKey(db, submissionOf(doc));
  }
}
