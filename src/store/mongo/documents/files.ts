/** The documents of files, with what is kept of each generation and each owner. */
import type { BatchId, Epoch, FileId, Generation, RequestId, UserId } from '../../../domain/id.js';
import type { Counts } from '../../../domain/overview.js';
import type { Claimant } from '../../../domain/ownership.js';
import type { FileEvent } from '../../webhook-events.js';
import { type DocumentOf, date, flag, mixed, number, schemaOf, text, where } from './schema.js';

/** A document of `EmailBatches`: one file, with its current request. */
export const files = schemaOf({
  fileId: text<FileId>(),
  requestId: text<RequestId | null>(),
  userId: text<UserId | null>(),
  /** Who registered it, see ownership.ts. */
  producer: text<UserId | null>(),
  /** As the submitter said or, once stats are kept, as they say. */
  totalBatches: number<number | null>(),
  completedBatches: number(),
  totalEmails: number<number | null>(),
  status: text(),
  createdAt: date(),
  lastUpdated: date(),
  completedAt: date<Date | null>(),

  /** The current generation. Batches of every other one are over. */
  generation: text<Generation>(),
  /** What the submitter said. */
  declared: mixed<{ totalEmails: number | null; totalBatches: number | null }>(),
  /** Ordinal of the next batch. */
  next: number(),
  /** Counts the stored changes of the file. */
  changes: number(),
  /** Time of the last change; removed once `markAnnounced` has seen all changes. */
  unannounced: date<Date | undefined>(),
  /** Ordinal of the first batch whose registration may not be announced; removed with `unannounced`. */
  unannouncedFrom: number<number | undefined>(),
  /** The last announced stats, as JSON. */
  stats: text<string | null>(),
  /** JSON of its `SubmissionProgress`; null or missing: it was not submitted as a list. */
  submission: text<string | null | undefined>(),
  /** JSON of the `Summary` from before its addresses were deleted; null or missing: it has them. */
  purged: text<string | null | undefined>(),
  /** The cursor of the kept stats in the file's feed, and how many of its batches were stalled. */
  statsAt: mixed<{ epoch: Epoch; revision: number; stalled: number } | undefined>(),
  /** Events that webhooks have not got yet, and the time of the last one. */
  events: mixed<StoredEvent[] | undefined>(),
  eventsAt: date<Date | undefined>(),
  /** What it adds to the sums of files, see overview.ts; missing: nothing yet. */
  counted: mixed<CountedFile | undefined>(),
  /** A change of that, which may have been added already. */
  counting: mixed<CountingFile | undefined>(),
  /** Time of the last change of the stats that is not counted yet. */
  uncounted: date<Date | undefined>(),
  /** Batches that are being registered, see pending-registrations.ts. */
  pending: mixed<PendingRegistration | undefined>(),
})
  .index({ fileId: 1 }, { unique: true })
  .index({ generation: 1 })
  .index({ createdAt: -1, fileId: -1 })
  .index({ unannounced: 1 }, where('unannounced'))
  .index({ userId: 1, createdAt: -1, fileId: -1 })
  .index({ status: 1, completedAt: 1 })
  .index({ 'pending.at': 1 }, where('pending.at'))
  .index({ eventsAt: 1 }, where('eventsAt'))
  .index({ uncounted: 1 }, where('uncounted'));
export type FileDoc = DocumentOf<typeof files>;

/** An event in its file's document, which has the owner. */
export type StoredEvent = Omit<FileEvent, 'ownerId'>;

export interface PendingRegistration {
  id: string;
  at: Date;
  /** Who registers: some held updates are not for every one. */
  by: Pick<Claimant, 'userId' | 'isAdmin'>;
  /** Ordinal of its first batch. */
  from: number;
  batches: { batchId: BatchId; totalEmails: number | null }[];
}

/** The tombstone of a generation. */
export const tombstones = schemaOf({
  /** The generation. */
  _id: text<Generation>(),
  fileId: text<FileId>(),
  requestId: text<RequestId | null>(),
  endedAt: date(),
  /** The file was removed, and that has not been reported to the caller yet. */
  removed: flag(),
  /** Its results are deleted. */
  cleaned: flag(),
  expireAt: date<Date | undefined>(),
})
  .index({ fileId: 1, requestId: 1 })
  .index({ endedAt: 1 }, { partialFilterExpression: { cleaned: false } })
  .index({ expireAt: 1 }, { expireAfterSeconds: 0 });
export type TombstoneDoc = DocumentOf<typeof tombstones>;

/** What was counted of a file by reading all its results. */
export const breakdowns = schemaOf({
  /** Its generation and property. */
  _id: text(),
  generation: text<Generation>(),
  /** Of the file when it was counted. */
  changes: number(),
  /** JSON of the `Ranking`. */
  ranking: text(),
}).index({ generation: 1 });

export interface CountedFile {
  /** Grows with each change. */
  seq: number;
  userId: UserId | null;
  counts: Counts;
  /** `lastUpdated` of the stats, in milliseconds since 1970. */
  at: number;
}

export interface CountingFile {
  from: CountedFile;
  to: CountedFile;
}

/** A part of what the files of an owner add up to. */
export const overviews = schemaOf({
  /** Number of the part, and owner. */
  _id: text(),
  counts: mixed<Record<string, number> | undefined>(),
  lastUpdated: number<number | undefined>(),
  /** The last change of each file that was added, by the file's hash; forgotten after an hour. */
  seen: mixed<Record<string, number> | undefined>(),
  touchedAt: number<number | undefined>(),
}).index({ touchedAt: 1 });
