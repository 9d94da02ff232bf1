/**
 * The work on submissions in MongoDB. A step writes the submission first, on condition that its lease is still the caller's,
 * then the slice, on condition that it is as it was read, then the file. Counts that a crash leaves behind are added up again
 * when the submission is taken over.
 */

import { trusted } from 'mongoose';
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
import type { Advanced, Lease, SliceState, Step, Submission, SubmissionState } from '../../submissions.js';
import type { SliceDoc, SubmissionDoc } from '../documents/submissions.js';
import { findFile, ownershipOf } from '../generations.js';
import { findDoc, type Models, updateDoc } from '../models.js';
import { findSubmission, LIVE, releaseFile, submissionOf } from './submission-docs.js';

/** Claims of due submissions that lost a race, before the gateway looks again later. */
const ATTEMPTS = 8;

const OPEN_SLICES: readonly SliceState[] = ['waiting', 'sending', 'accepted'];

export async function takeSubmission(
  db: Models,
  { owner, ms }: Lease,
  passOver: readonly UserId[] = [],
): Promise<Submission | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = clock.now();
    const due = await findDoc(
      db.submissions,
      {
        isDue: true,
        dueAt: trusted({ $lte: new Date(now) }),
        submitter: trusted({ $nin: [...passOver] }),
        ...LIVE,
      },
      { sort: { dueAt: 1 } },
    );
    if (due === null) return null;
    const counts = await countsOf(db, due._id);
    const taken = await updateDoc(
      db.submissions,
      { _id: due._id, owner: due.owner, dueAt: due.dueAt, ...LIVE },
      { $set: { owner, dueAt: new Date(now + ms), ...counts } },
    );
    if (taken !== null) return submissionOf(taken);
  }
  return null;
}

async function countsOf(db: Models, submission: string): Promise<{ submitted: number; uncertain: number }> {
  const sums = await db.slices.aggregate<{ _id: SliceState; emails: number }>([
    { $match: { submission } },
    { $group: { _id: '$state', emails: { $sum: '$emails' } } },
  ]);
  const of = (state: SliceState) => sums.find(({ _id }) => _id === state)?.emails ?? 0;
  return { submitted: of('registered'), uncertain: of('uncertain') };
}

export async function renewSubmission(db: Models, id: string, { owner, ms }: Lease): Promise<boolean> {
  const renewed = await db.submissions.updateOne(
    { _id: id, owner, ...LIVE },
    { $set: { dueAt: new Date(clock.now() + ms) } },
  );
  return renewed.matchedCount > 0;
}

export async function advanceSubmission(
  db: Models,
  id: string,
  owner: string,
  step: Step,
): Promise<Advanced> {
  const doc = await findSubmission(db, id);
  if (doc === null) return 'over';
  if (doc.owner !== owner) return 'lost';
  const state = step.state ?? doc.state;
  if (doc.requestId !== null && state !== 'preparing') {
    if ((await findFile(db, doc.fileId))?.requestId !== doc.requestId) return 'over';
  }
  const slice = step.slice === undefined ? null : await findSlice(db, id, step.slice.number);
  const delta =
    slice === null || step.slice === undefined
      ? NO_DELTA
      : progressDelta(slice.state, step.slice.state, slice.emails);
  const after: SubmissionDoc = { ...doc, ...submissionProgressAfter(doc, step, delta), state };
  // No gateway takes a submission that has come to its end: the file has to know before.
  if (!isWorkedAt(state)) await tellFile(db, after);
  if (!(await writeSubmission(db, doc, step, state, delta))) return 'lost';
  if (slice !== null && step.slice !== undefined && !(await writeSlice(db, slice, step.slice, owner)))
    return 'lost';
  if (isWorkedAt(state)) await tellFile(db, after);
  else await releaseFile(db, doc);
  if (isEnd(step)) await reopenIfUnfinished(db, id);
  return 'done';
}

/** Behind the step: a retry, or a late answer, writes the slice first, and opens the submission last. */
async function reopenIfUnfinished(db: Models, id: string): Promise<void> {
  if ((await db.slices.exists({ submission: id, isOpen: true })) === null) return;
  await db.submissions.updateOne(
    { _id: id, state: trusted({ $in: ['stopped', 'done'] }), ...LIVE },
    { $set: { state: 'open', isDue: true, dueAt: new Date(clock.now()) } },
  );
}

const findSlice = (db: Models, submission: string, number: number): Promise<SliceDoc | null> =>
  findDoc(db.slices, { submission, number }, { projection: { _id: 0 } });

async function writeSubmission(
  db: Models,
  { _id, owner }: SubmissionDoc,
  step: Step,
  state: SubmissionState,
  delta: ProgressDelta,
): Promise<boolean> {
  const { error, failures, total, order, answer } = step;
  const written = await db.submissions.updateOne(
    { _id, owner, ...LIVE },
    {
      $set: {
        state,
        dueAt: new Date(clock.now() + step.dueInMs),
        ...(error === undefined ? {} : { error }),
        ...(failures === undefined ? {} : { failures }),
        ...(total === undefined ? {} : { total }),
        ...(order === undefined ? {} : { order }),
        ...(answer === undefined ? {} : { answer }),
        ...(isWorkedAt(state) ? { isDue: true } : {}),
      },
      $inc: delta,
      ...(isWorkedAt(state) ? {} : { $unset: { isDue: 1 } }),
    },
  );
  return written.matchedCount > 0;
}

async function writeSlice(
  db: Models,
  { submission, number, state: before }: SliceDoc,
  { state, acceptance }: NonNullable<Step['slice']>,
  owner: string,
): Promise<boolean> {
  const isOpen = OPEN_SLICES.includes(state);
  const written = await db.slices.updateOne(
    { submission, number, state: before },
    {
      $set: {
        state,
        ...(isOpen ? { isOpen: true } : {}),
        ...(state === 'sending' ? { attempt: owner } : {}),
        ...(acceptance === undefined ? {} : { acceptance }),
      },
      ...(isOpen ? {} : { $unset: { isOpen: 1 } }),
    },
  );
  if (written.matchedCount === 0) return false;
  if (state === 'registered') await db.submissionPieces.deleteMany({ submission, slice: number });
  return true;
}

/** The file says how far the submission is; its listeners hear of it. */
async function tellFile(db: Models, doc: SubmissionDoc): Promise<void> {
  const { fileId, requestId } = doc;
  if (!isPreparedList(doc)) return;
  const submission = JSON.stringify(submissionProgressOf(doc));
  const now = new Date(clock.now());
  await db.files.updateOne(
    { fileId, requestId, submission: trusted({ $ne: submission }) },
    { $set: { submission, unannounced: now }, $inc: { changes: 1 }, $max: { lastUpdated: now } },
  );
}

export async function acceptSlice(
  db: Models,
  id: string,
  owner: string,
  number: number,
  acceptance: string,
): Promise<Advanced> {
  const doc = await findSubmission(db, id);
  if (doc === null) return 'over';
  const before = await db.slices
    .findOneAndUpdate(
      {
        submission: id,
        number,
        attempt: owner,
        $or: [{ state: trusted({ $in: ['sending', 'uncertain'] }) }, { state: 'accepted', acceptance }],
      },
      { $set: { state: 'accepted', acceptance, isOpen: true } },
      { returnDocument: 'before', projection: { _id: 0 } },
    )
    .lean<SliceDoc>()
    .exec();
  if (before === null) return (await findSubmission(db, id)) === null ? 'over' : 'lost';
  if (before.state === 'uncertain')
    await db.submissions.updateOne({ _id: id, ...LIVE }, { $inc: { uncertain: -before.emails } });
  // The next gateway that works on submissions registers it.
  const reopened = await db.submissions.updateOne(
    { _id: id, state: 'stopped', ...LIVE },
    { $set: { state: 'open', isDue: true, dueAt: new Date(clock.now()) } },
  );
  return reopened.modifiedCount === 0 && doc.owner === owner ? 'done' : 'lost';
}

export async function retrySubmission(db: Models, id: string, claimant: Claimant): Promise<boolean> {
  const doc = await findSubmission(db, id);
  const file = doc && (await findFile(db, doc.fileId));
  if (doc === null || file === null || !mayReplace(claimant, ownershipOf(file))) throw foreignFile();
  if (doc.state === 'preparing') return false;
  const { uncertain } = await countsOf(db, id);
  if (uncertain === 0 && doc.state !== 'stopped') return false;
  await db.slices.updateMany(
    { submission: id, state: 'uncertain' },
    { $set: { state: 'waiting', isOpen: true } },
  );
  const set = { state: 'open', isDue: true, uncertain: 0, error: null, failures: 0 } as const;
  // The gateway that works on it, if there is one, goes on with these slices.
  await db.submissions.updateOne(
    { _id: id, ...LIVE },
    { $set: isWorkedAt(doc.state) ? set : { ...set, dueAt: new Date(clock.now()) } },
  );
  await tellFile(db, { ...doc, ...set });
  return true;
}

export async function submissionOfFile(db: Models, fileId: FileId): Promise<Submission | null> {
  const requestId = (await findFile(db, fileId))?.requestId ?? null;
  if (requestId === null) return null;
  const doc = await findDoc(db.submissions, {
    fileId,
    requestId,
    state: trusted({ $ne: 'preparing' as const }),
    ...LIVE,
  });
  return doc === null ? null : submissionOf(doc);
}
