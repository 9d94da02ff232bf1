import { type Connection, type Model, type mongo, Schema, type SchemaDefinition } from 'mongoose';
import type {
  BatchDoc,
  BatchTombstoneDoc,
  ChunkDoc,
  DeadLetterDoc,
  FileDoc,
  ReceiptDoc,
  RollupDoc,
  TombstoneDoc,
} from './documents.js';

export interface Models {
  /** `EmailResults`: a document a batch. */
  readonly batches: Model<BatchDoc>;
  /** `EmailBatches`: a document a file. */
  readonly files: Model<FileDoc>;
  readonly chunks: Model<ChunkDoc>;
  readonly rollups: Model<RollupDoc>;
  readonly tombstones: Model<TombstoneDoc>;
  readonly batchTombstones: Model<BatchTombstoneDoc>;
  readonly deadLetters: Model<DeadLetterDoc>;
  readonly receipts: Model<ReceiptDoc>;
}

/** A name that is not in the schema is a mistake of ours, in a filter as well as in a document: it must not pass. */
const schemaOf = <T>(definition: SchemaDefinition) =>
  new Schema<T>(definition as SchemaDefinition<T>, {
    strict: 'throw',
    strictQuery: 'throw',
    versionKey: false,
    minimize: false,
    autoIndex: false,
    autoCreate: false,
    id: false,
  });

// Lists are checked when they are read from the wire; casting each result once more would cost more than storing it.
const list = { type: [Schema.Types.Mixed], default: undefined };

const batches = schemaOf<BatchDoc>({
  batchId: String,
  fileId: String,
  requestId: String,
  status: String,
  totalEmails: Number,
  processedEmails: Number,
  lastUpdated: Date,
  generation: String,
  ordinal: Number,
  version: Number,
  begun: Boolean,
  complete: Boolean,
  stalled: Boolean,
  failedAt: Number,
  failure: String,
  processedCount: Number,
  length: Number,
  fingerprint: String,
  rewrites: String,
  summary: String,
  changedAt: Date,
  open: Boolean,
  pendingRollup: String,
  unannounced: Date,
  held: Boolean,
  heldAt: Date,
  mainBytes: Number,
  bytes: Number,
  chunks: list,
  isChunked: Boolean,
  keys: list,
  results: list,
})
  .index({ batchId: 1 }, { unique: true })
  // Wide enough to answer from alone: documents of batches are large.
  .index({ generation: 1, ordinal: 1, batchId: 1, version: 1, status: 1, lastUpdated: 1, summary: 1 })
  .index({ generation: 1, keys: 1 })
  .index(
    { generation: 1, pendingRollup: 1, ordinal: 1, version: 1, changedAt: 1, summary: 1 },
    { partialFilterExpression: { pendingRollup: { $exists: true } } },
  )
  .index(
    { unannounced: 1, generation: 1, batchId: 1 },
    { partialFilterExpression: { unannounced: { $exists: true } } },
  )
  .index({ begun: 1, lastUpdated: 1, generation: 1 }, { partialFilterExpression: { open: true } })
  .index(
    { complete: 1, batchId: 1, generation: 1, status: 1 },
    { partialFilterExpression: { complete: false } },
  )
  .index({ heldAt: 1, bytes: 1 }, { partialFilterExpression: { held: true } })
  .index({ generation: 1, isChunked: 1 }, { partialFilterExpression: { isChunked: true } });

const files = schemaOf<FileDoc>({
  fileId: String,
  requestId: String,
  userId: String,
  totalBatches: Number,
  completedBatches: Number,
  totalEmails: Number,
  status: String,
  createdAt: Date,
  lastUpdated: Date,
  completedAt: Date,
  generation: String,
  declared: Schema.Types.Mixed,
  next: Number,
  changes: Number,
  unannounced: Date,
  stats: String,
  purged: String,
  statsAt: Schema.Types.Mixed,
  pending: Schema.Types.Mixed,
})
  .index({ fileId: 1 }, { unique: true })
  .index({ generation: 1 })
  .index({ createdAt: -1, fileId: -1 })
  .index({ unannounced: 1 }, { partialFilterExpression: { unannounced: { $exists: true } } })
  .index({ userId: 1, createdAt: -1, fileId: -1 })
  .index({ status: 1, completedAt: 1 })
  .index({ 'pending.at': 1 }, { partialFilterExpression: { 'pending.at': { $exists: true } } });

const chunks = schemaOf<ChunkDoc>({
  _id: String,
  batchId: String,
  createdAt: Date,
  unconfirmed: Boolean,
  keys: list,
  results: list,
})
  .index({ batchId: 1, keys: 1 })
  .index({ createdAt: 1 }, { partialFilterExpression: { unconfirmed: true } });

const sums = schemaOf<RollupDoc>({
  _id: String,
  generation: String,
  node: Number,
  cells: Schema.Types.Mixed,
  slots: Schema.Types.Mixed,
}).index({ generation: 1, node: 1 });

const ended = schemaOf<TombstoneDoc>({
  _id: String,
  fileId: String,
  requestId: String,
  endedAt: Date,
  removed: Boolean,
  cleaned: Boolean,
  expireAt: Date,
})
  .index({ fileId: 1, requestId: 1 })
  .index({ endedAt: 1 }, { partialFilterExpression: { cleaned: false } })
  .index({ expireAt: 1 }, { expireAfterSeconds: 0 });

const endedBatches = schemaOf<BatchTombstoneDoc>({
  _id: String,
  generation: String,
  requestId: String,
  expireAt: Date,
}).index({ expireAt: 1 }, { expireAfterSeconds: 0 });

const letters = schemaOf<DeadLetterDoc>({
  _id: String,
  inlet: String,
  reason: String,
  truncated: Boolean,
  bytes: Number,
  fileId: String,
  batchId: String,
  head: String,
  tail: String,
})
  .index({ bytes: 1 })
  .index({ fileId: 1 }, { partialFilterExpression: { fileId: { $exists: true } } })
  .index({ batchId: 1 }, { partialFilterExpression: { batchId: { $exists: true } } });

const receipts = schemaOf<ReceiptDoc>({
  _id: String,
  fileId: String,
  fingerprint: String,
  owner: String,
  answer: String,
  leaseUntil: Date,
  expireAt: Date,
})
  .index({ fileId: 1 })
  .index({ expireAt: 1 }, { expireAfterSeconds: 0 });

export const modelsOf = (connection: Connection): Models => ({
  batches: connection.model<BatchDoc>('EmailResults', batches, 'emailresults'),
  files: connection.model<FileDoc>('EmailBatches', files, 'emailbatches'),
  chunks: connection.model<ChunkDoc>('EmailResultChunks', chunks, 'emailresultchunks'),
  rollups: connection.model<RollupDoc>('EmailRollups', sums, 'emailrollups'),
  tombstones: connection.model<TombstoneDoc>('RequestTombstones', ended, 'requesttombstones'),
  batchTombstones: connection.model<BatchTombstoneDoc>('BatchTombstones', endedBatches, 'batchtombstones'),
  deadLetters: connection.model<DeadLetterDoc>('DeadLetters', letters, 'deadletters'),
  receipts: connection.model<ReceiptDoc>('SubmissionReceipts', receipts, 'submissionreceipts'),
});

/** Makes the indexes of a collection, in one command. Those that are there already cost nothing. */
export async function createIndexes({ schema, collection }: Model<never>): Promise<void> {
  await collection.createIndexes(
    schema.indexes().map(([key, options]) => ({ key, ...options }) as mongo.IndexDescription),
  );
}
