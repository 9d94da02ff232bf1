/** The documents of submissions: read, ended, and deleted with all that they hold. */
import { trusted } from 'mongoose';
import type { FileId, RequestId } from '../../../domain/id.js';
import { portions } from '../../../portions.js';
import { type StoredSubmission, submissionProgressOf } from '../../submission-rules.js';
import type { Submission } from '../../submissions.js';
import type { SubmissionDoc } from '../documents/submissions.js';
import { findDoc, findDocs, findFields, type Models } from '../models.js';

/** Ended submissions that one sweep cleans; those that are looked for in one query. */
const AT_ONCE = 64;

export const keyClaim = (key: string): string => `key ${key}`;
export const fileClaim = (fileId: FileId): string => `file ${fileId}`;

/** The submission that has a claim. A claim whose submission is gone is dropped. */
export async function claimedBy(db: Models, claim: string): Promise<SubmissionDoc | null> {
  const found = await findDoc(db.submissionClaims, { _id: claim });
  if (found === null) return null;
  const doc = await findDoc(db.submissions, { _id: found.submission });
  if (doc === null) await db.submissionClaims.deleteOne({ _id: claim, submission: found.submission });
  return doc;
}

export const LIVE = { ended: trusted({ $exists: false }) };

export const submissionOf = (doc: SubmissionDoc): Submission => ({
  id: doc._id,
  fileId: doc.fileId,
  requestId: doc.requestId,
  key: doc.key,
  order: doc.order,
  state: doc.state,
  progress: submissionProgressOf(doc),
  failures: doc.failures,
});

export const findSubmission = (db: Models, id: string): Promise<SubmissionDoc | null> =>
  findDoc(db.submissions, { _id: id, ...LIVE });

export async function submissionUnder(
  db: Models,
  key: string,
): Promise<(StoredSubmission & { readonly doc: SubmissionDoc }) | null> {
  const doc = await claimedBy(db, keyClaim(key));
  if (doc === null) return null;
  const [first] = await findFields(db.slices, { submission: doc._id, number: 0 }, ['state']);
  const { fingerprint, answer, dueAt, expiresAt } = doc;
  const times = { dueAt: dueAt.getTime(), expiresAt: expiresAt.getTime() };
  const firstSlice = first?.state ?? null;
  return {
    ...submissionOf(doc),
    fingerprint,
    answer,
    ...times,
    firstSlice,
    hasEnded: doc.ended === true,
    doc,
  };
}

/** `cleanSubmission` deletes what it holds. */
async function markEnded(db: Models, id: string): Promise<void> {
  await db.submissions.updateOne(
    { _id: id },
    { $set: { ended: true, answer: null, key: null }, $unset: { isDue: 1 } },
  );
  await db.submissionClaims.deleteMany({ submission: id });
}

export async function endSubmission(db: Models, id: string): Promise<void> {
  await markEnded(db, id);
  await cleanSubmission(db, id);
}

/** A list submission outlives its key. */
export async function releaseKey(db: Models, id: string, key: string): Promise<void> {
  await db.submissionClaims.deleteOne({ _id: keyClaim(key), submission: id });
  await db.submissions.updateOne({ _id: id }, { $set: { key: null, answer: null } });
}

/** Other submissions of the file may begin. */
export const releaseFile = (db: Models, { _id, fileId }: SubmissionDoc): Promise<unknown> =>
  db.submissionClaims.deleteOne({ _id: fileClaim(fileId), submission: _id }).exec();

type MayEnd = (submission: Submission) => boolean;

/** Ends the submissions of a file of which `mayEnd` says so, their keys included; the sweep deletes what they hold. */
export async function endSubmissionsOf(db: Models, fileId: FileId, mayEnd: MayEnd): Promise<void> {
  for (const { id } of (await ofFile(db, fileId)).filter(mayEnd)) await markEnded(db, id);
}

/** The same, and deletes all that they hold. */
export async function dropSubmissions(db: Models, fileId: FileId, mayEnd: MayEnd): Promise<void> {
  for (const { id } of (await ofFile(db, fileId)).filter(mayEnd)) await endSubmission(db, id);
}

const ofFile = async (db: Models, fileId: FileId): Promise<Submission[]> =>
  (await findDocs(db.submissions, { fileId })).map(submissionOf);

export const submissionIdsOf = async (db: Models, fileId: FileId): Promise<Set<string>> =>
  new Set((await idsOf(db, { fileId })).map(({ _id }) => _id));

const idsOf = (db: Models, filter: object): Promise<{ _id: string }[]> =>
  findFields(db.submissions, filter, ['_id']);

/** Ends the submission of a request that was replaced. What was answered under its key is remembered. */
export async function endListSubmission(db: Models, fileId: FileId, requestId: RequestId | null) {
  if (requestId === null) return;
  await db.submissions.updateMany(
    { fileId, requestId, ...LIVE },
    { $set: { ended: true }, $unset: { isDue: 1 } },
  );
}

/** Where the gateway that ended the request died before it could end its submission. */
export async function dropListSubmission(db: Models, fileId: FileId, requestId: RequestId | null) {
  await endListSubmission(db, fileId, requestId);
  if (requestId !== null)
    for (const { _id } of await idsOf(db, { fileId, requestId })) await cleanSubmission(db, _id);
}

/** Deletes what submissions that have ended still hold. */
export async function sweepSubmissions(db: Models): Promise<void> {
  const ended = await findFields(
    db.submissions,
    { ended: true, isClean: trusted({ $exists: false }) },
    ['_id'],
    { limit: AT_ONCE },
  );
  for (const { _id } of ended) await cleanSubmission(db, _id);
}

/** Deletes slices that were written while their submission ended, by a gateway that died then. A submission is written before the addresses of its slices. */
export async function sweepLostSlices(db: Models): Promise<void> {
  for (const ids of portions(await db.submissionPieces.distinct('submission'), AT_ONCE)) {
    const there = new Set((await idsOf(db, { _id: trusted({ $in: ids }) })).map(({ _id }) => _id));
    for (const id of ids) if (!there.has(id)) await deleteSlices(db, id);
  }
}

export async function deleteSlices(db: Models, submission: string): Promise<void> {
  await db.submissionPieces.deleteMany({ submission });
  await db.slices.deleteMany({ submission });
}

async function cleanSubmission(db: Models, id: string): Promise<void> {
  await deleteSlices(db, id);
  // What was answered under a key is remembered as long as the key. Else there may be claims, where the end of it died half-way.
  if ((await db.submissions.exists({ _id: id, ended: true, key: null })) !== null)
    await db.submissionClaims.deleteMany({ submission: id });
  await db.submissions.deleteOne({ _id: id, ended: true, key: null });
  await db.submissions.updateOne({ _id: id, ended: true }, { $set: { isClean: true } });
}
