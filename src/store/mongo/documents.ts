/** The documents in MongoDB, field by field. */
import type { BatchId, Epoch, FileId, Generation, ListId, RequestId, UserId } from '../../domain/id.js';
import type { Counts } from '../../domain/overview.js';
import type { Claimant } from '../../domain/ownership.js';
import type { BatchStatus } from '../store.js';
import type { SliceState, SubmissionState } from '../submissions.js';
import type { FileEvent } from '../webhook-events.js';
import type { DeliveryState, WebhookEventType } from '../webhooks.js';
import type { ResultDoc } from './results/result-docs.js';

/**
 * A document of `EmailResults`: one batch with its list. Everything that must change together with the list is in it, so
 * that a save is one conditional write.
 */
export interface BatchDoc {
  batchId: BatchId;
  /** Null: the batch is not registered, its list is a held update. */
  fileId: FileId | null;
  requestId: RequestId | null;
  status: BatchStatus;
  totalEmails: number | null;
  processedEmails: number;
  /** Time of its last update, else of its registration. */
  lastUpdated: Date;

  /** The generation that it belongs to; the file's document says which generation is current. */
  generation: Generation | null;
  /** Its place in the order of registration; numbers may be left out. */
  ordinal: number | null;
  /** Counts the changes of this document, from a random number on: a write depends on it. */
  version: number;
  begun: boolean;
  complete: boolean;
  stalled: boolean;
  /** It counts as failed while `processedCount` is not above this; null: it has not failed. See batch-progress.ts. */
  failedAt: number | null;
  failure: string | null;
  /** As the last update said. */
  processedCount: number;
  /** Results in the whole list, and the fingerprint of them. */
  length: number;
  fingerprint: string;
  /** JSON, see rewrites.ts. */
  rewrites: string;
  /** JSON of the `Summary`. */
  summary: string;
  /** Time of the last change of this document. */
  changedAt: Date;
  /** Neither ended nor stalled, so it is watched for silence. */
  open?: true;
  /** Token of a change that the rollups and the file's count of changes do not have yet, see rollups.ts. */
  pendingRollup?: string;
  /** Time of its last change; removed once `markAnnounced` has seen that change. */
  unannounced?: Date;
  held?: true;
  heldAt?: Date;
  /** The batch for which this update is held, where it is held for one user only; see private-held-updates.ts. */
  heldFor?: BatchId;
  /** BSON bytes of the results in this document. */
  mainBytes: number;
  /** BSON bytes of all results, those in chunks as well. */
  bytes: number;
  /** Where a list goes on that is too long for one document. */
  chunks: ChunkRef[];
  isChunked?: true;
  /** For each result of the whole list, the code of its cell. */
  cells: string;
  /** For each result in this document its key in the index of addresses, see `indexKeyOf`. */
  keys: string[];
  /** The index keys of their domains, each once. */
  domains: string[];
  results: ResultDoc[];
}

/** What a batch's list consists of. */
export type ListField = 'cells' | 'keys' | 'domains' | 'results';

/** A batch without its list. */
export type BatchHead = Omit<BatchDoc, ListField>;

export interface ChunkRef {
  id: string;
  /** Position of its first result in the list. */
  from: number;
  length: number;
  bytes: number;
}

/** A piece of a long list. Never changed: it is replaced by another one, to which the batch then refers. */
export interface ChunkDoc {
  _id: string;
  batchId: BatchId;
  createdAt: Date;
  /** It is not certain yet that its batch refers to it; the sweep checks. */
  unconfirmed?: true;
  keys: string[];
  domains: string[];
  results: ResultDoc[];
}

/** A document of `EmailBatches`: one file, with its current request. */
export interface FileDoc {
  fileId: FileId;
  requestId: RequestId | null;
  userId: UserId | null;
  /** Who registered it, see ownership.ts. */
  producer: UserId | null;
  /** As the submitter said or, once stats are kept, as they say. */
  totalBatches: number | null;
  completedBatches: number;
  totalEmails: number | null;
  status: string;
  createdAt: Date;
  lastUpdated: Date;
  completedAt: Date | null;

  /** The current generation. Batches of every other one are over. */
  generation: Generation;
  /** What the submitter said. */
  declared: { totalEmails: number | null; totalBatches: number | null };
  /** Ordinal of the next batch. */
  next: number;
  /** Counts the stored changes of the file. */
  changes: number;
  /** Time of the last change; removed once `markAnnounced` has seen all changes. */
  unannounced?: Date;
  /** Ordinal of the first batch whose registration may not be announced; removed with `unannounced`. */
  unannouncedFrom?: number;
  /** The last announced stats, as JSON. */
  stats: string | null;
  /** JSON of its `SubmissionProgress`; null or missing: it was not submitted as a list. */
  submission?: string | null;
  /** JSON of the `Summary` from before its addresses were deleted; null or missing: it has them. */
  purged?: string | null;
  /** The cursor of the kept stats in the file's feed, and how many of its batches were stalled. */
  statsAt?: { epoch: Epoch; revision: number; stalled: number };
  /** Events that webhooks have not got yet, and the time of the last one. */
  events?: StoredEvent[];
  eventsAt?: Date;
  /** What it adds to the sums of files, see overview.ts; missing: nothing yet. */
  counted?: CountedFile;
  /** A change of that, which may have been added already. */
  counting?: CountingFile;
  /** Time of the last change of the stats that is not counted yet. */
  uncounted?: Date;
  /** Batches that are being registered, see pending-registrations.ts. */
  pending?: PendingRegistration;
}

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
export interface OverviewDoc {
  /** Number of the part, and owner. */
  _id: string;
  counts?: Record<string, number>;
  lastUpdated?: number;
  /** The last change of each file that was added, by the file's hash; forgotten after an hour. */
  seen?: Record<string, number>;
  touchedAt?: number;
}

export interface PendingRegistration {
  id: string;
  at: Date;
  /** Who registers: some held updates are not for every one. */
  by: Pick<Claimant, 'userId' | 'isAdmin'>;
  /** Ordinal of its first batch. */
  from: number;
  batches: { batchId: BatchId; totalEmails: number | null }[];
}

/** Counts of results by cell, of neighbouring batches together, see rollups.ts. */
export interface RollupDoc {
  /** Its generation and node. */
  _id: string;
  generation: Generation;
  /** Its place among the rollups of its generation. */
  node: number;
  cells: CellCounts;
  /** What each batch has added, by its place in the rollup. */
  slots: Record<string, Slot>;
}

/** Numbers of results by cell, without the zeros. */
export type CellCounts = Record<string, number>;

/** What a batch has added to its rollup: its counts, and the version that had them. Short names: there are 256 in a document. */
export interface Slot {
  v: number;
  c: CellCounts;
}

/** What was counted of a file by reading all its results. */
export interface BreakdownDoc {
  /** Its generation and property. */
  _id: string;
  generation: Generation;
  /** Of the file when it was counted. */
  changes: number;
  /** JSON of the `Ranking`. */
  ranking: string;
}

/** What is sent to the validator, and how far it is, see submissions.ts. */
export interface SubmissionDoc {
  _id: string;
  fileId: FileId;
  /** Of its caller; null: none. */
  key: string | null;
  fingerprint: string;
  requestId: RequestId | null;
  /** JSON: what a gateway needs to go on with it. */
  order: string;
  state: SubmissionState;
  /** Its state is one in which a gateway works on it. */
  isDue?: true;
  total: number;
  submitted: number;
  uncertain: number;
  error: string | null;
  failures: number;
  /** Of the lease. */
  owner: string;
  /** End of its lease or of its pause. */
  dueAt: Date;
  /** Of the key and the answer. */
  expiresAt: Date;
  answer: string | null;
  /** What it holds is being deleted. */
  ended?: true;
  /** It has ended, and only its key and answer are left. */
  isClean?: true;
}

/** Gives a key, or a file while no other submission of it may begin, to one submission. */
export interface SubmissionClaimDoc {
  /** `key ` and the key, or `file ` and the file. */
  _id: string;
  submission: string;
}

export interface SliceDoc {
  submission: string;
  number: number;
  state: SliceState;
  /** Neither registered nor uncertain. */
  isOpen?: true;
  emails: number;
  /** Who has sent it last. */
  attempt: string | null;
  /** JSON: what the validator answered. */
  acceptance: string | null;
}

/** A piece of the addresses of a slice; for slice -1 of the map from rows to addresses. */
export interface SubmissionPieceDoc {
  submission: string;
  slice: number;
  piece: number;
  body: string;
}

/** An uploaded list. */
export interface ListDoc {
  /** The id of the list. */
  _id: ListId;
  /** Null, too, where it has ended: nothing personal is left then. */
  userId: UserId | null;
  name: string;
  bytes: number;
  /** JSON of the `ListSummary`; null: it is being uploaded, or has ended. */
  summary: string | null;
  /** Null: it is attached to a generation, and ends with that. */
  expiresAt: Date | null;
  generation: Generation | null;
  fileId: FileId | null;
  /** The submission that works on it; null: none. */
  reservedFor: string | null;
  /** When it ended; null: it has not. */
  endedAt: Date | null;
}

/** A piece of a list. */
export interface ListChunkDoc {
  /** Its list and its number. */
  _id: string;
  listId: ListId;
  bytes: Buffer;
}

export interface RevocationDoc {
  _id: UserId;
  /** The user's tokens that were issued before this time are refused. */
  at: Date;
  /** By the clock of the database. */
  addedAt: Date;
}

/** The tombstone of a generation. */
export interface TombstoneDoc {
  /** The generation. */
  _id: Generation;
  fileId: FileId;
  requestId: RequestId | null;
  endedAt: Date;
  /** The file was removed, and that has not been reported to the caller yet. */
  removed: boolean;
  /** Its results are deleted. */
  cleaned: boolean;
  expireAt?: Date;
}

/** The tombstone of a batch: late updates of it are recognised by its id. */
export interface BatchTombstoneDoc {
  _id: BatchId;
  generation: Generation;
  requestId: RequestId | null;
  expireAt: Date;
}

export interface DeadLetterDoc {
  /** Sorts by time, see dead-letter-records.ts. */
  _id: string;
  inlet: string;
  reason: string;
  truncated: boolean;
  bytes: number;
  /** The file and the batch that it belongs to, as far as they are known. */
  fileId?: FileId;
  batchId?: BatchId;
  head: string;
  tail: string;
}

/** `installation`: what the gateways agree on; `probe`: written to find out whether a write succeeds. */
export interface InstallationDoc {
  _id: 'installation' | 'probe';
  keyPrefix?: string;
  at?: Date;
}

/** An event in its file's document, which has the owner. */
export type StoredEvent = Omit<FileEvent, 'ownerId'>;

export interface WebhookDoc {
  /** The webhook's id. */
  _id: string;
  ownerId: UserId | null;
  seesEveryFile: boolean;
  url: string;
  events: WebhookEventType[];
  fileId: FileId | null;
  secret: string;
  createdAt: Date;
  isActive: boolean;
}

/** A delivery: one event for one webhook. */
export interface DeliveryDoc {
  /** Sorts by time. */
  _id: string;
  webhookId: string;
  eventId: string;
  fileId: FileId;
  type: WebhookEventType;
  state: DeliveryState;
  attempts: number;
  lastStatus: number | null;
  lastError: string | null;
  createdAt: Date;
  /** Pending since its creation or its replay. */
  since: Date;
  lastAttemptAt: Date | null;
  /** While an attempt is under way: when its gateway counts as dead. */
  nextAttemptAt: Date | null;
  /** The generation whose removal it waits for; null: it waits for none. */
  removal: Generation | null;
  body: string;
}
