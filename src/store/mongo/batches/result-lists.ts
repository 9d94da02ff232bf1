/** Prepares how a batch's list of results is stored: in its document and, where that is full, in chunks. */

import type { Result } from '../../../domain/result.js';
import type { FingerprintedList } from '../../recent-lists.js';
import { cellCode } from '../../result-filter.js';
import { compareLists, rewritesAfter } from '../../rewrites.js';
import type { BatchDoc, ChunkRef, StoredBatch } from '../documents/batches.js';
import type { Models } from '../models.js';
import { type ResultDoc, toJson } from '../results/result-docs.js';
import { bytesOf, domainsOf, type Item, itemOf, itemsOf, split, writeChunks } from './chunks.js';

/** BSON bytes of the results in a batch's own document, of 16 MiB that a document may have; the rest goes into chunks. */
const MAX_MAIN = 12 * 2 ** 20;
/** A last chunk below this size is rewritten with what is added: many small additions must not leave many chunks. */
const SHORT_CHUNK = 2 ** 20;

/** The list of a batch that has no results. */
export const EMPTY_LIST = {
  length: 0,
  fingerprint: '',
  rewrites: '[]',
  mainBytes: 0,
  bytes: 0,
  chunks: [] as ChunkRef[],
  cells: '',
  keys: [] as string[],
  domains: [] as string[],
  results: [] as ResultDoc[],
};

/** What to change in the batch's document, and the chunks before and after. */
export interface ListWrite {
  readonly set: Partial<BatchDoc>;
  readonly unset?: { readonly isChunked: 1 };
  readonly push?: { readonly results: { $each: ResultDoc[] }; readonly keys: { $each: string[] } };
  readonly addToSet?: { readonly domains: { $each: string[] } };
  /** Chunks written for the list, and those that it does not need any more. */
  readonly written: readonly string[];
  readonly dropped: readonly string[];
}

/** Only the tail where the list extends the stored one. Null: the batch has changed since it was read. */
export async function planList(
  db: Models,
  batch: StoredBatch,
  results: readonly Result[],
  measured?: FingerprintedList,
): Promise<ListWrite | null> {
  const { isExtension, fingerprint } = compareLists(batch, results, measured);
  const cells = results.map(({ cell }) => cellCode(cell)).join('');
  const known = { length: results.length, fingerprint, cells };
  if (isExtension) return extendList(db, batch, results.slice(batch.length).map(itemOf), known);
  const before = await storedJson(db, batch);
  if (before === null) return null;
  const items = results.map(itemOf);
  const after = items.map(({ doc }) => toJson(doc));
  const rewrites = rewritesAfter(batch, batch.version + 1, before, after);
  return replaceList(db, batch, items, { ...known, rewrites });
}

/** A list that begins again from nothing. */
export const emptyList = ({ chunks }: StoredBatch): ListWrite => ({
  set: EMPTY_LIST,
  unset: { isChunked: 1 },
  written: [],
  dropped: chunks.map(({ id }) => id),
});

async function extendList(
  db: Models,
  batch: StoredBatch,
  tail: readonly Item[],
  known: Partial<BatchDoc>,
): Promise<ListWrite | null> {
  const freeBytes = batch.chunks.length > 0 ? 0 : MAX_MAIN - batch.mainBytes;
  const { fitting, rest } = split(tail, freeBytes);
  const set = {
    ...known,
    mainBytes: batch.mainBytes + bytesOf(fitting),
    bytes: batch.bytes + bytesOf(tail),
  };
  const results = { $each: fitting.map(({ doc }) => doc) };
  const keys = { $each: fitting.map(({ key }) => key) };
  const addToSet = { domains: { $each: domainsOf(fitting) } };
  const push = fitting.length === 0 ? {} : { push: { results, keys }, addToSet };
  if (rest.length === 0) return { set, ...push, written: [], dropped: [] };

  const last = batch.chunks.at(-1);
  const short = last !== undefined && last.bytes < SHORT_CHUNK ? last : null;
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
  batch: StoredBatch,
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
    domains: domainsOf(fitting),
  };
  return {
    ...(chunks.length > 0 ? { set: { ...set, isChunked: true } } : { set, unset: { isChunked: 1 } }),
    written: chunks.map(({ id }) => id),
    dropped: batch.chunks.map(({ id }) => id),
  };
}

/** The JSON of a batch's results, in order; null: the batch has changed since it was read. */
async function storedJson(db: Models, batch: StoredBatch): Promise<string[] | null> {
  const { batchId, version } = batch;
  const projection = { _id: 0, results: 1 };
  const main = await db.batches.collection.findOne({ batchId, version }, { projection });
  if (main === null) return null;
  const json = main.results.map(toJson);
  for (const chunk of batch.chunks) {
    const items = await itemsOf(db, chunk);
    if (items === null) return null;
    json.push(...items.map(({ doc }) => toJson(doc)));
  }
  return json;
}
