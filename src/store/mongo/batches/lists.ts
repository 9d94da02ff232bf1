import { fingerprints, type Result } from '../../../domain/result.js';
import type { MeasuredList } from '../../recent-lists.js';
import { type Rewrite, rememberRewrite } from '../../rewrites.js';
import type { BatchDoc, BatchHead, ChunkRef } from '../documents.js';
import type { Models } from '../models.js';
import { type ResultDoc, toJson } from '../result-docs.js';
import { bytesOf, type Item, itemOf, itemsOf, split, writeChunks } from './chunks.js';

/** BSON bytes of the results in a batch's own document, of 16 MiB that a document may have; the rest goes into chunks. */
const MAX_MAIN = 12 * 2 ** 20;
/** A chunk that is shorter is written anew with what is added, so that many small additions do not leave many chunks. */
const SHORT_PART = 2 ** 20;

/** The list of a batch that has none. */
export const EMPTY = {
  length: 0,
  fingerprint: '',
  rewrites: '[]',
  mainBytes: 0,
  bytes: 0,
  chunks: [] as ChunkRef[],
  keys: [] as string[],
  results: [] as ResultDoc[],
};

/** How a list is to be stored: what to change in the batch's document, and the chunks before and after. */
export interface ListWrite {
  readonly set: Partial<BatchDoc>;
  readonly unset?: { readonly isChunked: 1 };
  readonly push?: { readonly results: { $each: ResultDoc[] }; readonly keys: { $each: string[] } };
  /** Parts that were written for it, and those that it does not need any more. */
  readonly written: readonly string[];
  readonly dropped: readonly string[];
}

/** Prepares a list for its batch: only the tail where it extends the stored one. Null: the batch has changed meanwhile. */
export async function planList(
  db: Models,
  batch: BatchHead,
  results: readonly Result[],
  measured?: MeasuredList,
): Promise<ListWrite | null> {
  const { stored, fingerprint } = measured ?? { stored: null, fingerprint: '' };
  const { prefix, whole } =
    stored?.length === batch.length
      ? { prefix: stored.fingerprint, whole: fingerprint }
      : fingerprints(results, batch.length);
  const known = { length: results.length, fingerprint: whole };
  if (batch.length === 0 || (results.length >= batch.length && prefix === batch.fingerprint)) {
    return extendList(db, batch, results.slice(batch.length).map(itemOf), known);
  }
  const old = await storedJson(db, batch);
  if (old === null) return null;
  const items = results.map(itemOf);
  const changed = items.flatMap(({ doc }, position) =>
    position < old.length && toJson(doc) !== old[position] ? [position] : [],
  );
  const version = batch.version + 1;
  const rewrites = rememberRewrite(JSON.parse(batch.rewrites) as Rewrite[], {
    version,
    before: batch.length,
    length: results.length,
    changed,
  });
  return replaceList(db, batch, items, { ...known, rewrites: JSON.stringify(rewrites) });
}

/** A list that begins anew. */
export const emptyList = ({ chunks }: BatchHead): ListWrite => ({
  set: EMPTY,
  unset: { isChunked: 1 },
  written: [],
  dropped: chunks.map(({ id }) => id),
});

async function extendList(
  db: Models,
  batch: BatchHead,
  tail: readonly Item[],
  known: Partial<BatchDoc>,
): Promise<ListWrite | null> {
  const room = batch.chunks.length > 0 ? 0 : MAX_MAIN - batch.mainBytes;
  const { fitting, rest } = split(tail, room);
  const set = {
    ...known,
    mainBytes: batch.mainBytes + bytesOf(fitting),
    bytes: batch.bytes + bytesOf(tail),
  };
  const results = { $each: fitting.map(({ doc }) => doc) };
  const keys = { $each: fitting.map(({ key }) => key) };
  const push = fitting.length === 0 ? {} : { push: { results, keys } };
  if (rest.length === 0) return { set, ...push, written: [], dropped: [] };

  const last = batch.chunks.at(-1);
  const short = last !== undefined && last.bytes < SHORT_PART ? last : null;
  const before = short === null ? [] : await itemsOf(db, short);
  if (before === null) return null;
  const from = short?.from ?? batch.length + fitting.length;
  const written = await writeChunks(db, batch.batchId, from, [...before, ...rest]);
  const kept = batch.chunks.filter((chunk) => chunk !== short);
  return {
    set: { ...set, chunks: [...kept, ...written], isChunked: true },
    ...push,
    written: written.map(({ id }) => id),
    dropped: short === null ? [] : [short.id],
  };
}

async function replaceList(
  db: Models,
  batch: BatchHead,
  items: readonly Item[],
  known: Partial<BatchDoc>,
): Promise<ListWrite> {
  const { fitting, rest } = split(items, MAX_MAIN);
  const chunks = await writeChunks(db, batch.batchId, fitting.length, rest);
  const set = {
    ...known,
    mainBytes: bytesOf(fitting),
    bytes: bytesOf(items),
    chunks,
    results: fitting.map(({ doc }) => doc),
    keys: fitting.map(({ key }) => key),
  };
  return {
    ...(chunks.length > 0 ? { set: { ...set, isChunked: true } } : { set, unset: { isChunked: 1 } }),
    written: chunks.map(({ id }) => id),
    dropped: batch.chunks.map(({ id }) => id),
  };
}

/** The JSON of a batch's results, in order; null: it has changed meanwhile. */
async function storedJson(db: Models, batch: BatchHead): Promise<string[] | null> {
  const { batchId, version } = batch;
  const main = await db.batches
    .findOne({ batchId, version }, { _id: 0, results: 1 })
    .lean<Pick<BatchDoc, 'results'>>()
    .exec();
  if (main === null) return null;
  const json = main.results.map(toJson);
  for (const chunk of batch.chunks) {
    const items = await itemsOf(db, chunk);
    if (items === null) return null;
    json.push(...items.map(({ doc }) => toJson(doc)));
  }
  return json;
}
