import { fingerprints, type Result } from '../../domain/result.js';
import type { MeasuredList } from '../recent-lists.js';
import { type Rewrite, remember } from '../rewrites.js';
import type { Batch, BatchDoc, PartRef } from './documents.js';
import type { Models } from './models.js';
import { bytesOf, type Item, itemOf, itemsOf, split, writeParts } from './parts.js';
import { jsonOf, type ResultDoc } from './result-docs.js';

/** BSON bytes of the results in a batch's own document, of 16 MiB that a document may have; the rest goes into parts. */
const MAX_MAIN = 12 * 2 ** 20;
/** A part that is shorter is written anew with what is added, so that many small additions do not leave many parts. */
const SHORT_PART = 2 ** 20;

/** The list of a batch that has none. */
export const EMPTY = {
  length: 0,
  fingerprint: '',
  rewrites: '[]',
  mainBytes: 0,
  bytes: 0,
  parts: [] as PartRef[],
  keys: [] as string[],
  results: [] as ResultDoc[],
};

/** How a list is to be stored: what to change in the batch's document, and the parts before and after. */
export interface Layout {
  readonly set: Partial<BatchDoc>;
  readonly unset?: { readonly inParts: 1 };
  readonly push?: { readonly results: { $each: ResultDoc[] }; readonly keys: { $each: string[] } };
  /** Parts that were written for it, and those that it does not need any more. */
  readonly written: readonly string[];
  readonly dropped: readonly string[];
}

/** Prepares a list for its batch: only the tail where it extends the stored one. Null: the batch has changed meanwhile. */
export async function layOut(
  db: Models,
  batch: Batch,
  results: readonly Result[],
  measured?: MeasuredList,
): Promise<Layout | null> {
  const { stored, fingerprint } = measured ?? { stored: null, fingerprint: '' };
  const { prefix, whole } =
    stored?.length === batch.length
      ? { prefix: stored.fingerprint, whole: fingerprint }
      : fingerprints(results, batch.length);
  const known = { length: results.length, fingerprint: whole };
  if (batch.length === 0 || (results.length >= batch.length && prefix === batch.fingerprint)) {
    return extended(db, batch, results.slice(batch.length).map(itemOf), known);
  }
  const old = await storedJson(db, batch);
  if (old === null) return null;
  const items = results.map(itemOf);
  const changed = items.flatMap(({ doc }, position) =>
    position < old.length && jsonOf(doc) !== old[position] ? [position] : [],
  );
  const version = batch.version + 1;
  const rewrites = remember(JSON.parse(batch.rewrites) as Rewrite[], {
    version,
    before: batch.length,
    length: results.length,
    changed,
  });
  return replaced(db, batch, items, { ...known, rewrites: JSON.stringify(rewrites) });
}

/** A list that begins anew. */
export const emptied = ({ parts }: Batch): Layout => ({
  set: EMPTY,
  unset: { inParts: 1 },
  written: [],
  dropped: parts.map(({ id }) => id),
});

async function extended(
  db: Models,
  batch: Batch,
  tail: readonly Item[],
  known: Partial<BatchDoc>,
): Promise<Layout | null> {
  const room = batch.parts.length > 0 ? 0 : MAX_MAIN - batch.mainBytes;
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

  const last = batch.parts.at(-1);
  const short = last !== undefined && last.bytes < SHORT_PART ? last : null;
  const before = short === null ? [] : await itemsOf(db, short);
  if (before === null) return null;
  const from = short?.from ?? batch.length + fitting.length;
  const written = await writeParts(db, batch.batchId, from, [...before, ...rest]);
  const kept = batch.parts.filter((part) => part !== short);
  return {
    set: { ...set, parts: [...kept, ...written], inParts: true },
    ...push,
    written: written.map(({ id }) => id),
    dropped: short === null ? [] : [short.id],
  };
}

async function replaced(
  db: Models,
  batch: Batch,
  items: readonly Item[],
  known: Partial<BatchDoc>,
): Promise<Layout> {
  const { fitting, rest } = split(items, MAX_MAIN);
  const parts = await writeParts(db, batch.batchId, fitting.length, rest);
  const set = {
    ...known,
    mainBytes: bytesOf(fitting),
    bytes: bytesOf(items),
    parts,
    results: fitting.map(({ doc }) => doc),
    keys: fitting.map(({ key }) => key),
  };
  return {
    ...(parts.length > 0 ? { set: { ...set, inParts: true } } : { set, unset: { inParts: 1 } }),
    written: parts.map(({ id }) => id),
    dropped: batch.parts.map(({ id }) => id),
  };
}

/** The JSON of a batch's results, in order; null: it has changed meanwhile. */
async function storedJson(db: Models, batch: Batch): Promise<string[] | null> {
  const { batchId, version } = batch;
  const main = await db.batches
    .findOne({ batchId, version }, { _id: 0, results: 1 })
    .lean<Pick<BatchDoc, 'results'>>()
    .exec();
  if (main === null) return null;
  const json = main.results.map(jsonOf);
  for (const part of batch.parts) {
    const items = await itemsOf(db, part);
    if (items === null) return null;
    json.push(...items.map(({ doc }) => jsonOf(doc)));
  }
  return json;
}
