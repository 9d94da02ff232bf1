/** The Mongoose models of all collections, and calls on them that are made in many places. */
import type { Connection, Model, mongo, QueryFilter, Schema, UpdateQuery } from 'mongoose';
import { batches, batchTombstones, chunks, rollups } from './documents/batches.js';
import { breakdowns, files, overviews, tombstones } from './documents/files.js';
import { listChunks, lists } from './documents/lists.js';
import { deadLetters, installations, revocations } from './documents/operation.js';
import type { DocumentOf } from './documents/schema.js';
import { slices, submissionClaims, submissionPieces, submissions } from './documents/submissions.js';
import { deliveries, webhooks } from './documents/webhooks.js';
import { isDuplicate } from './errors.js';

/** By the names of the models, which are those of the collections in lower case. */
const SCHEMAS = {
  batches: ['EmailResults', batches],
  files: ['EmailBatches', files],
  chunks: ['EmailResultChunks', chunks],
  rollups: ['EmailRollups', rollups],
  breakdowns: ['FileBreakdowns', breakdowns],
  tombstones: ['RequestTombstones', tombstones],
  batchTombstones: ['BatchTombstones', batchTombstones],
  deadLetters: ['DeadLetters', deadLetters],
  installations: ['Installations', installations],
  submissions: ['Submissions', submissions],
  submissionClaims: ['SubmissionClaims', submissionClaims],
  slices: ['SubmissionSlices', slices],
  submissionPieces: ['SubmissionPieces', submissionPieces],
  overviews: ['FileOverviews', overviews],
  revocations: ['TokenRevocations', revocations],
  webhooks: ['Webhooks', webhooks],
  deliveries: ['WebhookDeliveries', deliveries],
  lists: ['EmailLists', lists],
  listChunks: ['EmailListChunks', listChunks],
} as const;

export type Models = { readonly [K in keyof typeof SCHEMAS]: Model<DocumentOf<(typeof SCHEMAS)[K][1]>> };

export const modelsOf = (connection: Connection): Models =>
  Object.fromEntries(
    Object.entries(SCHEMAS).map(([key, [name, schema]]) => [
      key,
      connection.model(name, schema as Schema, name.toLowerCase()),
    ]),
  ) as unknown as Models;

/** Creates the indexes of all collections, each in one command. Those that exist already cost nothing. */
export async function createIndexes(db: Models): Promise<void> {
  const collections: readonly { schema: Pick<Schema, 'indexes'>; collection: mongo.Collection }[] =
    Object.values(db);
  await Promise.all(
    collections.map(async ({ schema, collection }) => {
      const indexes = schema.indexes().map(([key, options]) => ({ key, ...options }));
      if (indexes.length > 0) await collection.createIndexes(indexes as mongo.IndexDescription[]);
    }),
  );
}

export interface ReadOptions {
  readonly projection?: object;
  readonly sort?: Record<string, 1 | -1>;
  readonly limit?: number;
}

/** Reads the documents that pass a filter, as they are stored. */
export const findDocs = <T>(
  model: Model<T>,
  filter: QueryFilter<T>,
  options: ReadOptions = {},
): Promise<T[]> => model.find(filter, null, options).lean<T[]>().exec();

/** The same, one after the other: what is read of them at once is bounded by the driver's own batches. */
export const eachDoc = <T>(
  model: Model<T>,
  filter: QueryFilter<T>,
  options: ReadOptions = {},
): AsyncIterable<T> => model.collection.find(filter as object, options) as unknown as AsyncIterable<T>;

export const findDoc = <T>(
  model: Model<T>,
  filter: QueryFilter<T>,
  options: ReadOptions = {},
): Promise<T | null> => model.findOne(filter, null, options).lean<T>().exec();

/** Changes the first document that passes a filter, and answers with it as it is then; null: none passes. */
export const updateDoc = <T>(
  model: Model<T>,
  filter: QueryFilter<T>,
  update: UpdateQuery<T>,
  options: Pick<ReadOptions, 'sort' | 'projection'> = {},
): Promise<T | null> =>
  model
    .findOneAndUpdate(filter, update, { ...options, returnDocument: 'after' })
    .lean<T>()
    .exec();

export const projectionOf = (names: readonly string[]): Record<string, 0 | 1> => ({
  _id: 0,
  ...Object.fromEntries(names.map((name) => [name, 1] as const)),
});

/** Reads some fields of the documents that pass a filter. */
export const findFields = <T, K extends keyof T & string>(
  model: Model<T>,
  filter: QueryFilter<T>,
  names: readonly K[],
  options: Omit<ReadOptions, 'projection'> = {},
): Promise<Pick<T, K>[]> => model.find(filter, projectionOf(names), options).lean<Pick<T, K>[]>().exec();

export interface OneUpdate {
  readonly filter: object;
  readonly update: object;
  readonly upsert?: boolean;
}

/** Makes many updates in one command, by the driver: each of one document at most, in any order. */
export async function updateEach(
  { collection }: { readonly collection: mongo.Collection },
  updates: readonly OneUpdate[],
): Promise<void> {
  const operations = updates.map((updateOne) => ({ updateOne })) as mongo.AnyBulkWriteOperation[];
  if (operations.length > 0) await collection.bulkWrite(operations, { ordered: false });
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
