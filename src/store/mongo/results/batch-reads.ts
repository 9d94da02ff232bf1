/** Reads parts of the stored lists of batches: from a batch's own document, and from the chunks where a long list goes on. */
import { trusted } from 'mongoose';
import type { Generation } from '../../../domain/id.js';
import type { PlacedResult } from '../../../domain/result.js';
import { groupNear } from '../../positions.js';
import { findBatch, ifUnchanged, WITHOUT_LIST } from '../batches/batch-docs.js';
import type { BatchDoc, StoredBatch } from '../documents/batches.js';
import { unavailable } from '../errors.js';
import { eachDoc, findDoc, type Models } from '../models.js';
import { type ResultDoc, toJson } from './result-docs.js';

/** Lists up to this length are read whole, several in one go; longer ones a part at a time. */
export const SHORT = 512;
/** A batch that changes between two reads is read again; none changes as often as this. */
const ATTEMPTS = 1_000;

export interface PlacedDoc {
  readonly position: number;
  readonly doc: ResultDoc;
}

export const placedResults = ({ batchId }: StoredBatch, results: readonly PlacedDoc[]): PlacedResult[] =>
  results.map(({ position, doc }) => ({ batchId, position, json: toJson(doc) }));

/** A batch with some consecutive results of its list, in one state of it. */
export interface BatchRead {
  readonly batch: StoredBatch;
  readonly some: readonly PlacedDoc[];
}

type Ordinals =
  | { readonly ordinal: { readonly $in: number[] } }
  | { readonly ordinal: { readonly $gte: number } };

/**
 * Reads batches of a generation in their order, each with the results of its own document: `[from, count]`. Who has enough
 * reads on no further: a document may have megabytes.
 */
export async function* readBatches(
  db: Models,
  generation: Generation,
  { ordinal }: Ordinals,
  slice: [from: number, count: number],
  limit: number,
): AsyncGenerator<BatchRead, void> {
  const docs = eachDoc(
    db.batches,
    { generation, ordinal: trusted(ordinal) },
    { projection: { ...WITHOUT_LIST, results: { $slice: slice } }, sort: { ordinal: 1 }, limit },
  );
  for await (const { results, ...batch } of docs)
    yield { batch, some: results.map((doc, index) => ({ position: slice[0] + index, doc })) };
}

/** A part of a list, with where it is stored: in a chunk, or in the batch's own document (`chunk` null). */
interface ListPart {
  readonly chunk: string | null;
  readonly from: number;
  readonly to: number;
}

const partsOf = ({ length, chunks }: StoredBatch): ListPart[] => [
  { chunk: null, from: 0, to: chunks[0]?.from ?? length },
  ...chunks.map(({ id, from, length }) => ({ chunk: id, from, to: from + length })),
];

/** The results at the given positions, which are in ascending order; null: the batch has changed since it was read. */
export async function resultsAt(
  db: Models,
  batch: StoredBatch,
  positions: readonly number[],
): Promise<PlacedDoc[] | null> {
  const found: PlacedDoc[] = [];
  for (const part of partsOf(batch)) {
    const within = positions.filter((position) => position >= part.from && position < part.to);
    for (const group of groupNear(within)) {
      const first = group[0] ?? 0;
      const results = await readPart(db, batch, part, first, (group.at(-1) ?? 0) - first + 1);
      if (results === null) return null;
      for (const position of group) {
        const doc = results[position - first];
        if (doc === undefined) return null;
        found.push({ position, doc });
      }
    }
  }
  return found;
}

async function readPart(
  db: Models,
  batch: StoredBatch,
  { chunk, from }: ListPart,
  first: number,
  count: number,
): Promise<ResultDoc[] | null> {
  const projection = { _id: 0, batchId: 1, results: { $slice: [first - from, count] as [number, number] } };
  const doc =
    chunk === null
      ? await db.batches.collection.findOne<Pick<BatchDoc, 'results'>>(ifUnchanged(batch), { projection })
      : await findDoc(db.chunks, { _id: chunk }, { projection });
  return doc?.results ?? null;
}

/** Batches with the codes of their cells and, where they are asked for, with the keys in their own documents. */
export interface KeyedBatch {
  readonly batch: StoredBatch;
  readonly cells: string;
  readonly keys: readonly string[] | null;
}

export async function readKeys(
  db: Models,
  generation: Generation,
  ordinals: readonly number[],
  withKeys: boolean,
): Promise<KeyedBatch[]> {
  const projection = { ...WITHOUT_LIST, cells: 1, ...(withKeys ? { keys: 1 } : {}) };
  const docs = await db.batches.collection
    .find<Omit<BatchDoc, 'keys'> & Partial<BatchDoc>>(
      { generation, ordinal: { $in: [...ordinals] } },
      { projection },
    )
    .toArray();
  return docs.map(({ cells, keys, ...batch }) => ({ batch, cells, keys: keys ?? null }));
}

export interface Wanted {
  readonly batch: StoredBatch;
  readonly positions: readonly number[];
}

/**
 * The wanted results of several batches in one command that reads nothing else, by ordinal. A batch is missing where it has
 * changed since it was read, or where some of them are in chunks. A server may copy a whole list to take one result out of it:
 * so each list is gone through once, from the first wanted result to the last.
 */
export async function sparseResults(
  db: Models,
  generation: Generation,
  wanted: readonly Wanted[],
): Promise<Map<number, PlacedDoc[]>> {
  const ordinals = wanted.map(({ batch }) => batch.ordinal ?? 0);
  const index = { $indexOfArray: [{ $literal: ordinals }, '$ordinal'] };
  const ofBatch = (values: unknown[]) => ({ $arrayElemAt: [{ $literal: values }, index] });
  const firsts = wanted.map(({ positions }) => positions[0] ?? 0);
  const ends = wanted.map(({ positions }) => (positions.at(-1) ?? 0) + 1);
  const spans = ends.map((end, n) => end - (firsts[n] ?? 0));
  const placed = {
    $zip: {
      inputs: [
        { $slice: ['$results', ofBatch(firsts), ofBatch(spans)] },
        { $range: [ofBatch(firsts), ofBatch(ends)] },
      ],
    },
  };
  const isWanted = { $in: [{ $arrayElemAt: ['$$this', 1] }, '$$positions'] };
  const docs = await db.batches.collection
    .aggregate<{ ordinal: number; version: number; results: [doc: ResultDoc, position: number][] | null }>([
      { $match: { generation, ordinal: { $in: ordinals } } },
      {
        $project: {
          _id: 0,
          ordinal: 1,
          version: 1,
          results: {
            $let: {
              vars: { positions: ofBatch(wanted.map(({ positions }) => positions)) },
              in: { $filter: { input: placed, cond: isWanted } },
            },
          },
        },
      },
    ])
    .toArray();
  const found = new Map<number, PlacedDoc[]>();
  for (const { ordinal, version, results } of docs) {
    const { batch, positions } = wanted[ordinals.indexOf(ordinal)] ?? {};
    const some = (results ?? []).map(([doc, position]) => ({ position, doc }));
    if (batch?.version === version && some.length === positions?.length) found.set(ordinal, some);
  }
  return found;
}

/** The index keys of all results of a batch, in order; null: the batch has changed since it was read. */
export async function keysOf(db: Models, batch: StoredBatch): Promise<string[] | null> {
  const keys: string[] = [];
  const fields = { _id: 0, keys: 1 };
  for (const { chunk } of partsOf(batch)) {
    const doc =
      chunk === null
        ? await findDoc(db.batches, ifUnchanged(batch), { projection: fields })
        : await findDoc(db.chunks, { _id: chunk }, { projection: fields });
    if (doc === null) return null;
    keys.push(...doc.keys);
  }
  return keys;
}

/**
 * Makes several reads of one state of a batch. `read` answers null where the batch has changed between them, and is called
 * again. Null: the batch is not in its generation any more.
 */
export async function readConsistently<T>(
  db: Models,
  batch: StoredBatch,
  read: (batch: StoredBatch) => Promise<T | null>,
): Promise<T | null> {
  let current: StoredBatch | null = batch;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const result: T | null = await read(current);
    if (result !== null) return result;
    current = await findBatch(db, batch.batchId);
    if (current === null || current.generation !== batch.generation) return null;
  }
  throw unavailable('a batch changes too fast to be read');
}
