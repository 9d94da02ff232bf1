import { type Connection, type Model, type mongo, Schema, type SchemaDefinition } from 'mongoose';
import type {
  BatchDoc,
  EndedBatchDoc,
  EndedDoc,
  FileDoc,
  LetterDoc,
  PartDoc,
  ReceiptDoc,
  SumDoc,
} from './documents.js';

export interface Models {
  /** `EmailResults`: a document a batch. */
  readonly batches: Model<BatchDoc>;
  /** `EmailBatches`: a document a file. */
  readonly files: Model<FileDoc>;
  readonly parts: Model<PartDoc>;
  readonly sums: Model<SumDoc>;
  readonly ended: Model<EndedDoc>;
  readonly endedBatches: Model<EndedBatchDoc>;
  readonly letters: Model<LetterDoc>;
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
  life: String,
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
  unsettled: String,
  unannounced: Date,
  held: Boolean,
  heldAt: Date,
  mainBytes: Number,
  bytes: Number,
  parts: list,
  inParts: Boolean,
  keys: list,
  results: list,
})
  .index({ batchId: 1 }, { unique: true })
  // Wide enough to answer from alone: documents of batches are large.
  .index({ life: 1, ordinal: 1, batchId: 1, version: 1, status: 1, lastUpdated: 1, summary: 1 })
  .index({ life: 1, keys: 1 })
  .index(
    { life: 1, unsettled: 1, ordinal: 1, version: 1, changedAt: 1, summary: 1 },
    { partialFilterExpression: { unsettled: { $exists: true } } },
  )
  .index(
    { unannounced: 1, life: 1, batchId: 1 },
    { partialFilterExpression: { unannounced: { $exists: true } } },
  )
  .index({ begun: 1, lastUpdated: 1, life: 1 }, { partialFilterExpression: { open: true } })
  .index({ complete: 1, batchId: 1, life: 1, status: 1 }, { partialFilterExpression: { complete: false } })
  .index({ heldAt: 1, bytes: 1 }, { partialFilterExpression: { held: true } })
  .index({ life: 1, inParts: 1 }, { partialFilterExpression: { inParts: true } });

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
  life: String,
  declared: Schema.Types.Mixed,
  next: Number,
  changes: Number,
  unannounced: Date,
  stats: String,
  purged: String,
  statsAt: Schema.Types.Mixed,
  intent: Schema.Types.Mixed,
})
  .index({ fileId: 1 }, { unique: true })
  .index({ life: 1 })
  .index({ createdAt: -1, fileId: -1 })
  .index({ unannounced: 1 }, { partialFilterExpression: { unannounced: { $exists: true } } })
  .index({ userId: 1, createdAt: -1, fileId: -1 })
  .index({ status: 1, completedAt: 1 })
  .index({ 'intent.at': 1 }, { partialFilterExpression: { 'intent.at': { $exists: true } } });

const parts = schemaOf<PartDoc>({
  _id: String,
  batchId: String,
  createdAt: Date,
  loose: Boolean,
  keys: list,
  results: list,
})
  .index({ batchId: 1, keys: 1 })
  .index({ createdAt: 1 }, { partialFilterExpression: { loose: true } });

const sums = schemaOf<SumDoc>({
  _id: String,
  life: String,
  node: Number,
  cells: Schema.Types.Mixed,
  slots: Schema.Types.Mixed,
}).index({ life: 1, node: 1 });

const ended = schemaOf<EndedDoc>({
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

const endedBatches = schemaOf<EndedBatchDoc>({
  _id: String,
  life: String,
  requestId: String,
  expireAt: Date,
}).index({ expireAt: 1 }, { expireAfterSeconds: 0 });

const letters = schemaOf<LetterDoc>({
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
  parts: connection.model<PartDoc>('EmailResultParts', parts, 'emailresultparts'),
  sums: connection.model<SumDoc>('EmailSums', sums, 'emailsums'),
  ended: connection.model<EndedDoc>('EndedRequests', ended, 'endedrequests'),
  endedBatches: connection.model<EndedBatchDoc>('EndedBatches', endedBatches, 'endedbatches'),
  letters: connection.model<LetterDoc>('DeadLetters', letters, 'deadletters'),
  receipts: connection.model<ReceiptDoc>('SubmissionReceipts', receipts, 'submissionreceipts'),
});

/** Makes the indexes of a collection, in one command. Those that are there already cost nothing. */
export async function createIndexes({ schema, collection }: Model<never>): Promise<void> {
  await collection.createIndexes(
    schema.indexes().map(([key, options]) => ({ key, ...options }) as mongo.IndexDescription),
  );
}
