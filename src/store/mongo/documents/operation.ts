/** The documents of what is not a file: dead letters, revocations, and what the gateways agree on. */
import type { BatchId, FileId, UserId } from '../../../domain/id.js';
import { type DocumentOf, date, flag, number, schemaOf, text, where } from './schema.js';

export const deadLetters = schemaOf({
  /** Sorts by time, see dead-letter-records.ts. */
  _id: text(),
  inlet: text(),
  reason: text(),
  truncated: flag(),
  bytes: number(),
  /** The file and the batch that it belongs to, as far as they are known. */
  fileId: text<FileId | undefined>(),
  batchId: text<BatchId | undefined>(),
  head: text(),
  tail: text(),
})
  .index({ bytes: 1 })
  .index({ fileId: 1 }, where('fileId'))
  .index({ batchId: 1 }, where('batchId'));
export type DeadLetterDoc = DocumentOf<typeof deadLetters>;

export const revocations = schemaOf({
  _id: text<UserId>(),
  /** The user's tokens that were issued before this time are refused. */
  at: date(),
  /** By the clock of the database. */
  addedAt: date(),
}).index({ addedAt: 1 });

/**
 * `installation`: what the gateways agree on, and what `confirmRead` writes; `probe`: written to find out whether a write
 * succeeds.
 */
export const installations = schemaOf({
  _id: text<'installation' | 'probe'>(),
  keyPrefix: text<string | undefined>(),
  at: date<Date | undefined>(),
});
