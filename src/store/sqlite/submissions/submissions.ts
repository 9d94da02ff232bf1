/** The submissions in SQLite: their calls, each of one transaction. */
import { claimSubmission, dropExpiredSubmissions } from './claims.js';
import { addressesOf, addSlice, nextSlice, slicesOf } from './slices.js';
import {
  acceptSlice,
  advanceSubmission,
  renewSubmission,
  retrySubmission,
  submissionOfFile,
  takeSubmission,
} from './steps.js';
import { endSubmission } from './submission-rows.js';

export const submissionWrites = {
  claim: claimSubmission,
  addSlice,
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
export const submissionReads = { addresses: addressesOf, slices: slicesOf };
