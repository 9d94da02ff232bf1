/** The submissions in MongoDB. */
import type { NewSubmission, SubmissionStore } from '../submissions.js';
import { confirmRead } from './confirmation.js';
import type { MongoConnection } from './connection.js';
import type { Models } from './models.js';
import { claimSubmission, dropExpiredSubmissions } from './submissions/claims.js';
import { addressesOf, addSlice, nextSlice, slicesOf } from './submissions/slices.js';
import {
  acceptSlice,
  advanceSubmission,
  renewSubmission,
  retrySubmission,
  submissionOfFile,
  takeSubmission,
} from './submissions/steps.js';
import { endSubmission } from './submissions/submission-docs.js';

const submissionCalls = {
  claim: async (db: Models, submission: NewSubmission) => {
    const claim = await claimSubmission(db, submission);
    if (claim.state !== 'mine') await confirmRead(db);
    return claim;
  },
  addSlice,
  take: takeSubmission,
  renew: renewSubmission,
  next: nextSlice,
  addresses: addressesOf,
  advance: advanceSubmission,
  accept: acceptSlice,
  end: endSubmission,
  ofFile: submissionOfFile,
  retry: retrySubmission,
  slices: slicesOf,
  dropExpired: dropExpiredSubmissions,
};

export const mongoSubmissions = (connection: MongoConnection): SubmissionStore =>
  connection.part(submissionCalls);
