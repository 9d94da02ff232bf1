import type { BatchStatus } from '../store.js';
import type { ResultDoc } from './result-docs.js';

/**
 * A document of `EmailResults`: one batch with its list. Everything that must change together with the list is in it, so
 * that a conditional write of this one document is the whole of a save.
 */
export interface BatchDoc {
  batchId: string;
  /** Null: nobody has registered the batch, its list is held. */
  fileId: string | null;
  requestId: string | null;
  status: BatchStatus;
  totalEmails: number | null;
  processedEmails: number;
  /** Time of its last news, else of its registration. */
  lastUpdated: Date;

  /** The generation of the file that it belongs to; whether that generation stands is for its file's document to say. */
  generation: string | null;
  /** Its place in the order of registration; numbers may be left out. */
  ordinal: number | null;
  /** Counts the changes of this document: what a write depends on. */
  version: number;
  begun: boolean;
  complete: boolean;
  stalled: boolean;
  failedAt: number | null;
  failure: string | null;
  processedCount: number;
  length: number;
  fingerprint: string;
  /** JSON, see rewrites.ts. */
  rewrites: string;
  /** JSON of the `Summary`. */
  summary: string;
  /** Time of its last change. */
  changedAt: Date;
  /** Neither ended nor stalled: watched for silence. */
  open?: true;
  /** Token of a change that its file's sums and count of changes do not have yet, see settling.ts. */
  pendingRollup?: string;
  /** Time of its last change; there until `markAnnounced` has seen that. */
  unannounced?: Date;
  held?: true;
  heldAt?: Date;
  /** BSON bytes of the results in this document, and of those in its chunks as well. */
  mainBytes: number;
  bytes: number;
  /** Where the list goes on that is too long for one document. */
  chunks: ChunkRef[];
  isChunked?: true;
  /** Keys for the search by address, one a result: `keyOf` and the letter of its cell. */
  keys: string[];
  results: ResultDoc[];
}

/** A batch without its list. */
export type BatchHead = Omit<BatchDoc, 'keys' | 'results'>;

export interface ChunkRef {
  id: string;
  from: number;
  length: number;
  bytes: number;
}

/** A piece of a long list. Never changed: another one takes its place, by the reference in its batch. */
export interface ChunkDoc {
  _id: string;
  batchId: string;
  createdAt: Date;
  /** Nobody has made sure yet that its batch refers to it. */
  unconfirmed?: true;
  keys: string[];
  results: ResultDoc[];
}

/** A document of `EmailBatches`: one file, with the request that stands. */
export interface FileDoc {
  fileId: string;
  requestId: string | null;
  userId: string | null;
  /** As declared or, once stats were kept, as known. */
  totalBatches: number | null;
  completedBatches: number;
  totalEmails: number | null;
  status: string;
  createdAt: Date;
  lastUpdated: Date;
  completedAt: Date | null;

  /** Names the request's generation of the file. A batch of another generation is nobody's business any more. */
  generation: string;
  /** What the submitter said, as it was said. */
  declared: { totalEmails: number | null; totalBatches: number | null };
  /** Ordinal of the next batch. */
  next: number;
  changes: number;
  /** Time of the last change; there until `markAnnounced` has seen all of them. */
  unannounced?: Date;
  stats: string | null;
  /** JSON of the `Summary` of what it was before its addresses went; null or missing: it has them. */
  purged?: string | null;
  /** Where the kept stats stand in the file's feed. */
  statsAt?: { epoch: string; revision: number };
  /** Batches that are being registered, see pending registrations.ts. */
  pending?: PendingRegistration;
}

export interface PendingRegistration {
  id: string;
  at: Date;
  /** Ordinal of the first one. */
  from: number;
  batches: { batchId: string; totalEmails: number | null }[];
}

/** Counts by status and risk of 256 neighbouring batches, see sums.ts. */
export interface RollupDoc {
  _id: string;
  generation: string;
  node: number;
  cells: Counts;
  slots: Record<string, Slot>;
}

/** Results by cell, without the zeros. */
export type Counts = Record<string, number>;

/** What a batch has added to the sums above it, and at which version. */
export interface Slot {
  v: number;
  c: Counts;
}

/** A submission under a key, and what was answered to it. */
export interface ReceiptDoc {
  /** The file and the key, as a JSON list. */
  _id: string;
  fileId: string;
  fingerprint: string;
  owner: string;
  /** Null: under way. */
  answer: string | null;
  leaseUntil: Date;
  expireAt: Date;
}

/** A request that is over: replaced by a later one, or removed with its file. */
export interface TombstoneDoc {
  /** Its generation. */
  _id: string;
  fileId: string;
  requestId: string | null;
  endedAt: Date;
  /** It was removed, and nobody has been told yet that it is gone. */
  removed: boolean;
  cleaned: boolean;
  expireAt?: Date;
}

/** What remains of a batch whose request is over: its name, so that late updates are recognised. */
export interface BatchTombstoneDoc {
  _id: string;
  generation: string;
  requestId: string | null;
  expireAt: Date;
}

/** A dead letter. */
export interface DeadLetterDoc {
  /** Sorts by time, see letter-records.ts. */
  _id: string;
  inlet: string;
  reason: string;
  truncated: boolean;
  bytes: number;
  /** Whose it is, where that can be told. */
  fileId?: string;
  batchId?: string;
  head: string;
  tail: string;
}
