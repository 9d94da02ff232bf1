/** The documents of batches with their lists, and the counts over them. */
import type { BatchId, FileId, Generation, RequestId, UserId } from '../../../domain/id.js';
import type { BatchStatus } from '../../store.js';
import type { ResultDoc } from '../results/result-docs.js';
import { type DocumentOf, date, flag, list, mixed, number, schemaOf, text, where } from './schema.js';

/**
 * A document of `EmailResults`: one batch with its list. Everything that must change together with the list is in it, so
 * that a save is one conditional write.
 */
export const batches = schemaOf({
  batchId: text<BatchId>(),
  /** Null: the batch is not registered, its list is a held update. */
  fileId: text<FileId | null>(),
  requestId: text<RequestId | null>(),
  status: text<BatchStatus>(),
  totalEmails: number<number | null>(),
  processedEmails: number(),
  /** Time of its last update, else of its registration. */
  lastUpdated: date(),

  /** The generation that it belongs to; the file's document says which generation is current. */
  generation: text<Generation | null>(),
  /** Its place in the order of registration; numbers may be left out. */
  ordinal: number<number | null>(),
  /** Counts the changes of this document, from a random number on: a write depends on it. */
  version: number(),
  begun: flag(),
  complete: flag(),
  stalled: flag(),
  /** It counts as failed while `processedCount` is not above this; null: it has not failed. See batch-progress.ts. */
  failedAtCount: number<number | null>(),
  failure: text<string | null>(),
  /** As the last update said. */
  processedCount: number(),
  /** Results in the whole list, and the fingerprint of them. */
  length: number(),
  fingerprint: text(),
  /** JSON, see rewrites.ts. */
  rewrites: text(),
  /** JSON of the `Summary`. */
  summary: text(),
  /** Time of the last change of this document. */
  changedAt: date(),
  /** Neither ended nor stalled, so it is watched for silence. */
  open: flag<true | undefined>(),
  /** Token of a change that the rollups and the file's count of changes do not have yet, see rollups.ts. */
  pendingRollup: text<string | undefined>(),
  /** Time of its last change; removed some time after `markAnnounced` has seen that change, see announced-marks.ts. */
  unannounced: date<Date | undefined>(),
  held: flag<true | undefined>(),
  heldAt: date<Date | undefined>(),
  /** The batch for which this update is held, where it is held for one user only; see private-held-updates.ts. */
  heldFor: text<BatchId | undefined>(),
  /** That user. */
  heldBy: text<UserId | undefined>(),
  /** The user for whom its updates would have been held, where some came while its registration was pending. */
  sentBy: text<UserId | undefined>(),
  /** BSON bytes of the results in this document. */
  mainBytes: number(),
  /** BSON bytes of all results, those in chunks as well. */
  bytes: number(),
  /** Where a list goes on that is too long for one document. */
  chunks: list<ChunkRef>(),
  isChunked: flag<true | undefined>(),
  /** For each result of the whole list, the code of its cell. */
  cells: text(),
  /** For each result in this document its key in the index of addresses, see `indexKeyOf`. */
  keys: list<string>(),
  /** The index keys of their domains, each once. */
  domains: list<string>(),
  results: list<ResultDoc>(),
})
  .index({ batchId: 1 }, { unique: true })
  // Wide enough to answer a read alone: documents of batches are large.
  .index({ generation: 1, ordinal: 1, batchId: 1, version: 1, status: 1, lastUpdated: 1, summary: 1 })
  .index({ generation: 1, keys: 1 })
  .index({ generation: 1, domains: 1 })
  .index(
    { generation: 1, pendingRollup: 1, ordinal: 1, version: 1, changedAt: 1, summary: 1 },
    where('pendingRollup'),
  )
  .index({ unannounced: 1, generation: 1, batchId: 1, version: 1 }, where('unannounced'))
  .index({ begun: 1, lastUpdated: 1, generation: 1 }, { partialFilterExpression: { open: true } })
  .index(
    { complete: 1, batchId: 1, generation: 1, status: 1 },
    { partialFilterExpression: { complete: false } },
  )
  .index({ heldFor: 1 }, where('heldFor'))
  .index({ heldAt: 1, bytes: 1 }, { partialFilterExpression: { held: true } })
  .index({ heldBy: 1, heldAt: 1 }, where('heldBy'))
  .index({ generation: 1, isChunked: 1 }, { partialFilterExpression: { isChunked: true } });
export type BatchDoc = DocumentOf<typeof batches>;

/** What a batch's list consists of. */
export const LIST_FIELDS = ['cells', 'keys', 'domains', 'results'] as const;

/** A batch as its document has it, without the list. */
export type StoredBatch = Omit<BatchDoc, (typeof LIST_FIELDS)[number]>;

export interface ChunkRef {
  id: string;
  /** Position of its first result in the list. */
  from: number;
  length: number;
  bytes: number;
}

/** A piece of a long list. Never changed: it is replaced by another one, to which the batch then refers. */
export const chunks = schemaOf({
  _id: text(),
  batchId: text<BatchId>(),
  createdAt: date(),
  /** It is not certain yet that its batch refers to it; the sweep checks. */
  unconfirmed: flag<true | undefined>(),
  keys: list<string>(),
  domains: list<string>(),
  results: list<ResultDoc>(),
})
  .index({ batchId: 1, keys: 1 })
  .index({ batchId: 1, domains: 1 })
  .index({ createdAt: 1 }, { partialFilterExpression: { unconfirmed: true } });
export type ChunkDoc = DocumentOf<typeof chunks>;

/** Counts of results by cell, of neighbouring batches together, see rollups.ts. */
export const rollups = schemaOf({
  /** Its generation and node. */
  _id: text(),
  generation: text<Generation>(),
  /** Its place among the rollups of its generation. */
  node: number(),
  cells: mixed<CellCounts>(),
  /** What each batch has added, by its place in the rollup. */
  slots: mixed<Record<string, Slot>>(),
}).index({ generation: 1, node: 1 });
export type RollupDoc = DocumentOf<typeof rollups>;

/** Numbers of results by cell, without the zeros. */
export type CellCounts = Record<string, number>;

/** What a batch has added to its rollup: its counts, and the version that had them. Short names: there are 256 in a document. */
export interface Slot {
  v: number;
  c: CellCounts;
}

/** The tombstone of a batch: late updates of it are recognised by its id. */
export const batchTombstones = schemaOf({
  _id: text<BatchId>(),
  generation: text<Generation>(),
  requestId: text<RequestId | null>(),
  expireAt: date(),
}).index({ expireAt: 1 }, { expireAfterSeconds: 0 });
export type BatchTombstoneDoc = DocumentOf<typeof batchTombstones>;
