import { partsOf, rowsFromText, rowsToText } from '../stored-pieces.js';
import type { SubmissionStore } from '../submissions.js';
import { confirmRead } from './confirmation.js';
import type { MongoConnection } from './connection.js';
import { claimSubmission, dropExpiredSubmissions } from './submissions/claims.js';
import { addRows, addressesOf, addSlice, nextSlice, rowsPart, slicesOf } from './submissions/slices.js';
import {
  acceptSlice,
  advanceSubmission,
  renewSubmission,
  retrySubmission,
  submissionOfFile,
  takeSubmission,
} from './submissions/steps.js';
import { endSubmission } from './submissions/submission-docs.js';

/** The submissions in MongoDB. */
export const mongoSubmissions = (connection: MongoConnection): SubmissionStore => ({
  claim: (submission) =>
    connection.run(async (db) => {
      const claim = await claimSubmission(db, submission);
      if (claim.state !== 'mine') await confirmRead(db);
      return claim;
    }),
  addSlice: (id, owner, slice) => connection.run((db) => addSlice(db, id, owner, slice)),
  addRows: (id, owner, part, numbers) =>
    connection.run((db) => addRows(db, id, owner, part, rowsToText(numbers))),
  take: (lease) => connection.run((db) => takeSubmission(db, lease)),
  renew: (id, lease) => connection.run((db) => renewSubmission(db, id, lease)),
  next: (id) => connection.run((db) => nextSlice(db, id)),
  addresses: (id, number) => connection.run((db) => addressesOf(db, id, number)),
  advance: (id, owner, step) => connection.run((db) => advanceSubmission(db, id, owner, step)),
  accept: (id, owner, number, acceptance) =>
    connection.run((db) => acceptSlice(db, id, owner, number, acceptance)),
  end: (id) => connection.run((db) => endSubmission(db, id)),
  ofFile: (fileId) => connection.run((db) => submissionOfFile(db, fileId)),
  retry: (id) => connection.run((db) => retrySubmission(db, id)),
  slices: (id) => connection.run((db) => slicesOf(db, id)),
  rows: (id) =>
    partsOf(async (part) => {
      const text = await connection.run((db) => rowsPart(db, id, part));
      return text === null ? null : rowsFromText(text);
    }),
  dropExpired: () => connection.run(dropExpiredSubmissions),
});
