/** The Mongoose models: the schema and the indexes of every collection. */
import {
  type Connection,
  type Model,
  type mongo,
  type QueryFilter,
  Schema,
  type SchemaDefinition,
} from 'mongoose';
import type {
  BatchDoc,
  BatchTombstoneDoc,
  BreakdownDoc,
  ChunkDoc,
  DeadLetterDoc,
  DeliveryDoc,
  FileDoc,
  InstallationDoc,
  ListChunkDoc,
  ListDoc,
  OverviewDoc,
  RevocationDoc,
  RollupDoc,
  SliceDoc,
  SubmissionClaimDoc,
  SubmissionDoc,
  SubmissionPieceDoc,
  TombstoneDoc,
  WebhookDoc,
} from './documents.js';
import { isDuplicate } from './errors.js';

export interface Models {
  readonly installations: Model<InstallationDoc>;
  /** `EmailResults`: a document for each batch. */
  readonly batches: Model<BatchDoc>;
  /** `EmailBatches`: a document for each file. */
  readonly files: Model<FileDoc>;
  readonly chunks: Model<ChunkDoc>;
  readonly rollups: Model<RollupDoc>;
  readonly breakdowns: Model<BreakdownDoc>;
  readonly tombstones: Model<TombstoneDoc>;
  readonly batchTombstones: Model<BatchTombstoneDoc>;
  readonly deadLetters: Model<DeadLetterDoc>;
  readonly submissions: Model<SubmissionDoc>;
  readonly submissionClaims: Model<SubmissionClaimDoc>;
  readonly slices: Model<SliceDoc>;
  readonly submissionPieces: Model<SubmissionPieceDoc>;
  readonly overviews: Model<OverviewDoc>;
  readonly revocations: Model<RevocationDoc>;
  readonly webhooks: Model<WebhookDoc>;
  readonly deliveries: Model<DeliveryDoc>;
  readonly lists: Model<ListDoc>;
  readonly listChunks: Model<ListChunkDoc>;
}

type FieldType =
  | typeof String
  | typeof Number
  | typeof Boolean
  | typeof Date
  | typeof Buffer
  | typeof Schema.Types.Mixed;

const fields = <K extends string, T>(type: T, ...names: readonly K[]): Record<K, T> =>
  Object.fromEntries(names.map((name) => [name, type])) as Record<K, T>;

/** Lists are checked when they are read from the wire; casting each result again would cost more than storing it. */
const lists = <K extends string>(...names: readonly K[]) =>
  fields({ type: [Schema.Types.Mixed], default: undefined }, ...names);

/**
 * A schema with every field of a document. A name that is not in it, in a document as well as in a filter, is a mistake in
 * our code, so it throws.
 */
const schemaOf = <T>(definition: Record<keyof T & string, FieldType | { type: unknown[] }>) =>
  new Schema<T>(definition as SchemaDefinition<T>, {
    strict: 'throw',
    strictQuery: 'throw',
    versionKey: false,
    minimize: false,
    autoIndex: false,
    autoCreate: false,
    id: false,
  });

const { Mixed } = Schema.Types;
/** For an index of those documents only that have a field. */
const where = (field: string) => ({ partialFilterExpression: { [field]: { $exists: true } } });

const batches = schemaOf<BatchDoc>({
  ...fields(String, 'batchId', 'fileId', 'requestId', 'status', 'generation', 'failure', 'fingerprint'),
  ...fields(String, 'rewrites', 'summary', 'pendingRollup', 'cells', 'heldFor'),
  ...fields(Number, 'totalEmails', 'processedEmails', 'ordinal', 'version', 'failedAt', 'processedCount'),
  ...fields(Number, 'length', 'mainBytes', 'bytes'),
  ...fields(Boolean, 'begun', 'complete', 'stalled', 'open', 'held', 'isChunked'),
  ...fields(Date, 'lastUpdated', 'changedAt', 'unannounced', 'heldAt'),
  ...lists('chunks', 'keys', 'domains', 'results'),
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
  .index({ unannounced: 1, generation: 1, batchId: 1 }, where('unannounced'))
  .index({ begun: 1, lastUpdated: 1, generation: 1 }, { partialFilterExpression: { open: true } })
  .index(
    { complete: 1, batchId: 1, generation: 1, status: 1 },
    { partialFilterExpression: { complete: false } },
  )
  .index({ heldFor: 1 }, where('heldFor'))
  .index({ heldAt: 1, bytes: 1 }, { partialFilterExpression: { held: true } })
  .index({ generation: 1, isChunked: 1 }, { partialFilterExpression: { isChunked: true } });

const files = schemaOf<FileDoc>({
  ...fields(
    String,
    'fileId',
    'requestId',
    'userId',
    'producer',
    'status',
    'generation',
    'stats',
    'purged',
    'submission',
  ),
  ...fields(Number, 'totalBatches', 'completedBatches', 'totalEmails', 'next', 'changes', 'unannouncedFrom'),
  ...fields(Date, 'createdAt', 'lastUpdated', 'completedAt', 'unannounced', 'eventsAt', 'uncounted'),
  ...fields(Mixed, 'declared', 'statsAt', 'pending', 'events', 'counted', 'counting'),
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

const chunks = schemaOf<ChunkDoc>({
  ...fields(String, '_id', 'batchId'),
  createdAt: Date,
  unconfirmed: Boolean,
  ...lists('keys', 'domains', 'results'),
})
  .index({ batchId: 1, keys: 1 })
  .index({ batchId: 1, domains: 1 })
  .index({ createdAt: 1 }, { partialFilterExpression: { unconfirmed: true } });

const rollups = schemaOf<RollupDoc>({
  ...fields(String, '_id', 'generation'),
  node: Number,
  ...fields(Mixed, 'cells', 'slots'),
}).index({ generation: 1, node: 1 });

const breakdowns = schemaOf<BreakdownDoc>({
  ...fields(String, '_id', 'generation', 'ranking'),
  changes: Number,
}).index({ generation: 1 });

const tombstones = schemaOf<TombstoneDoc>({
  ...fields(String, '_id', 'fileId', 'requestId'),
  ...fields(Boolean, 'removed', 'cleaned'),
  ...fields(Date, 'endedAt', 'expireAt'),
})
  .index({ fileId: 1, requestId: 1 })
  .index({ endedAt: 1 }, { partialFilterExpression: { cleaned: false } })
  .index({ expireAt: 1 }, { expireAfterSeconds: 0 });

const batchTombstones = schemaOf<BatchTombstoneDoc>({
  ...fields(String, '_id', 'generation', 'requestId'),
  expireAt: Date,
}).index({ expireAt: 1 }, { expireAfterSeconds: 0 });

const deadLetters = schemaOf<DeadLetterDoc>({
  ...fields(String, '_id', 'inlet', 'reason', 'fileId', 'batchId', 'head', 'tail'),
  truncated: Boolean,
  bytes: Number,
})
  .index({ bytes: 1 })
  .index({ fileId: 1 }, where('fileId'))
  .index({ batchId: 1 }, where('batchId'));

const installations = schemaOf<InstallationDoc>({
  ...fields(String, '_id', 'keyPrefix'),
  at: Date,
});

const submissions = schemaOf<SubmissionDoc>({
  ...fields(String, '_id', 'fileId', 'key', 'fingerprint', 'requestId', 'order', 'state', 'error'),
  ...fields(String, 'owner', 'answer'),
  ...fields(Boolean, 'isDue', 'ended', 'isClean'),
  ...fields(Number, 'total', 'submitted', 'uncertain', 'failures'),
  ...fields(Date, 'dueAt', 'expiresAt'),
})
  .index({ fileId: 1, requestId: 1 })
  .index({ isDue: 1, dueAt: 1 }, where('isDue'))
  .index({ ended: 1 }, where('ended'))
  .index({ expiresAt: 1 });

const submissionClaims = schemaOf<SubmissionClaimDoc>(fields(String, '_id', 'submission')).index({
  submission: 1,
});

const slices = schemaOf<SliceDoc>({
  ...fields(String, 'submission', 'state', 'attempt', 'acceptance'),
  ...fields(Number, 'number', 'emails'),
  isOpen: Boolean,
})
  .index({ submission: 1, number: 1 }, { unique: true })
  .index({ submission: 1, isOpen: 1, number: 1 }, where('isOpen'))
  .index({ submission: 1, state: 1, emails: 1 });

const submissionPieces = schemaOf<SubmissionPieceDoc>({
  ...fields(String, 'submission', 'body'),
  ...fields(Number, 'slice', 'piece'),
}).index({ submission: 1, slice: 1, piece: 1 }, { unique: true });

const overviews = schemaOf<OverviewDoc>({
  _id: String,
  ...fields(Number, 'lastUpdated', 'touchedAt'),
  ...fields(Mixed, 'counts', 'seen'),
}).index({ touchedAt: 1 });

const revocations = schemaOf<RevocationDoc>({ _id: String, ...fields(Date, 'at', 'addedAt') }).index({
  addedAt: 1,
});
const webhooks = schemaOf<WebhookDoc>({
  ...fields(String, '_id', 'ownerId', 'url', 'fileId', 'secret'),
  ...fields(Boolean, 'seesEveryFile', 'isActive'),
  createdAt: Date,
  events: Mixed,
}).index({ ownerId: 1, createdAt: 1, _id: 1 });

const deliveries = schemaOf<DeliveryDoc>({
  ...fields(String, '_id', 'webhookId', 'eventId', 'fileId', 'type', 'state', 'lastError', 'removal', 'body'),
  ...fields(Number, 'attempts', 'lastStatus'),
  ...fields(Date, 'createdAt', 'since', 'lastAttemptAt', 'nextAttemptAt'),
})
  .index({ webhookId: 1, eventId: 1 }, { unique: true })
  .index({ webhookId: 1, _id: -1 })
  .index({ state: 1, nextAttemptAt: 1 })
  .index({ createdAt: 1 });

const uploadedLists = schemaOf<ListDoc>({
  ...fields(String, '_id', 'userId', 'name', 'summary', 'generation', 'fileId', 'reservedFor'),
  bytes: Number,
  ...fields(Date, 'expiresAt', 'endedAt'),
})
  .index({ userId: 1, generation: 1 })
  .index({ generation: 1 })
  .index({ expiresAt: 1 })
  .index({ endedAt: 1 });

const listChunks = schemaOf<ListChunkDoc>({
  ...fields(String, '_id', 'listId'),
  bytes: Buffer,
}).index({ listId: 1 });

export const modelsOf = (connection: Connection): Models => ({
  batches: connection.model<BatchDoc>('EmailResults', batches, 'emailresults'),
  files: connection.model<FileDoc>('EmailBatches', files, 'emailbatches'),
  chunks: connection.model<ChunkDoc>('EmailResultChunks', chunks, 'emailresultchunks'),
  rollups: connection.model<RollupDoc>('EmailRollups', rollups, 'emailrollups'),
  breakdowns: connection.model<BreakdownDoc>('FileBreakdowns', breakdowns, 'filebreakdowns'),
  tombstones: connection.model<TombstoneDoc>('RequestTombstones', tombstones, 'requesttombstones'),
  batchTombstones: connection.model<BatchTombstoneDoc>('BatchTombstones', batchTombstones, 'batchtombstones'),
  deadLetters: connection.model<DeadLetterDoc>('DeadLetters', deadLetters, 'deadletters'),
  installations: connection.model<InstallationDoc>('Installations', installations, 'installations'),
  submissions: connection.model<SubmissionDoc>('Submissions', submissions, 'submissions'),
  submissionClaims: connection.model<SubmissionClaimDoc>(
    'SubmissionClaims',
    submissionClaims,
    'submissionclaims',
  ),
  slices: connection.model<SliceDoc>('SubmissionSlices', slices, 'submissionslices'),
  submissionPieces: connection.model<SubmissionPieceDoc>(
    'SubmissionPieces',
    submissionPieces,
    'submissionpieces',
  ),
  overviews: connection.model<OverviewDoc>('FileOverviews', overviews, 'fileoverviews'),
  revocations: connection.model<RevocationDoc>('TokenRevocations', revocations, 'tokenrevocations'),
  webhooks: connection.model<WebhookDoc>('Webhooks', webhooks, 'webhooks'),
  deliveries: connection.model<DeliveryDoc>('WebhookDeliveries', deliveries, 'webhookdeliveries'),
  lists: connection.model<ListDoc>('EmailLists', uploadedLists, 'emaillists'),
  listChunks: connection.model<ListChunkDoc>('EmailListChunks', listChunks, 'emaillistchunks'),
});

/** Creates the indexes of a collection, in one command. Those that exist already cost nothing. */
export async function createIndexes({ schema, collection }: Model<never>): Promise<void> {
  if (schema.indexes().length === 0) return;
  await collection.createIndexes(
    schema.indexes().map(([key, options]) => ({ key, ...options }) as mongo.IndexDescription),
  );
}

/** Reads some fields of the documents that pass a filter. */
export function findFields<T, K extends keyof T & string>(
  model: Model<T>,
  filter: QueryFilter<T>,
  names: readonly K[],
  options: { readonly sort?: Record<string, 1 | -1>; readonly limit?: number } = {},
): Promise<Pick<T, K>[]> {
  return model
    .find(filter, { _id: 0, ...fields(1, ...names) }, options)
    .lean<Pick<T, K>[]>()
    .exec();
}

/** False: another call was faster to insert a document with the same key. */
export async function insertIfNew<T>(model: Model<T>, doc: T): Promise<boolean> {
  try {
    await model.insertMany([doc], { lean: true });
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}
