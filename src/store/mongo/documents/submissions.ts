/** The documents of submissions, see submissions.ts. */
import type { FileId, RequestId, UserId } from '../../../domain/id.js';
import type { SliceState, SubmissionState } from '../../submissions.js';
import { type DocumentOf, date, flag, number, schemaOf, text, where } from './schema.js';

/** What is sent to the validator, and how far it is, see submissions.ts. */
export const submissions = schemaOf({
  _id: text(),
  fileId: text<FileId>(),
  /** Of its caller; null: none. */
  key: text<string | null>(),
  fingerprint: text(),
  requestId: text<RequestId | null>(),
  /** JSON: what a gateway needs to go on with it. */
  order: text(),
  /** The user who submits; null: no user in particular. */
  submitter: text<UserId | null>(),
  state: text<SubmissionState>(),
  /** Its state is one in which a gateway works on it. */
  isDue: flag<true | undefined>(),
  total: number(),
  submitted: number(),
  uncertain: number(),
  error: text<string | null>(),
  failures: number(),
  /** Of the lease. */
  owner: text(),
  /** End of its lease or of its pause. */
  dueAt: date(),
  /** Of the key and the answer. */
  expiresAt: date(),
  answer: text<string | null>(),
  /** What it holds is being deleted. */
  ended: flag<true | undefined>(),
  /** It has ended, and only its key and answer are left. */
  isClean: flag<true | undefined>(),
})
  .index({ fileId: 1, requestId: 1 })
  .index({ isDue: 1, dueAt: 1 }, where('isDue'))
  .index({ ended: 1 }, where('ended'))
  .index({ expiresAt: 1 });
export type SubmissionDoc = DocumentOf<typeof submissions>;

/** Gives a key, or a file while no other submission of it may begin, to one submission. */
export const submissionClaims = schemaOf({
  /** `key ` and the key, or `file ` and the file. */
  _id: text(),
  submission: text(),
}).index({ submission: 1 });

export const slices = schemaOf({
  submission: text(),
  number: number(),
  state: text<SliceState>(),
  /** Neither registered nor uncertain. */
  isOpen: flag<true | undefined>(),
  emails: number(),
  /** Who has sent it last. */
  attempt: text<string | null>(),
  /** JSON: what the validator answered. */
  acceptance: text<string | null>(),
})
  .index({ submission: 1, number: 1 }, { unique: true })
  .index({ submission: 1, isOpen: 1, number: 1 }, where('isOpen'))
  .index({ submission: 1, state: 1, emails: 1 });
export type SliceDoc = DocumentOf<typeof slices>;

/** A piece of the addresses of a slice. */
export const submissionPieces = schemaOf({
  submission: text(),
  slice: number(),
  piece: number(),
  body: text(),
}).index({ submission: 1, slice: 1, piece: 1 }, { unique: true });
