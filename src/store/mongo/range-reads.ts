import { findBatch, ifUnchanged } from './batches/batch-docs.js';
import type { BatchDoc, BatchHead, ChunkDoc } from './documents.js';
import { unavailable } from './errors.js';
import type { Models } from './models.js';
import type { ResultDoc } from './result-docs.js';

/** Positions that lie closer than this are read in one go. */
const NEAR = 32;
/** A batch that changes between two reads is read again; none changes as often as this. */
const ATTEMPTS = 1_000;

export interface PlacedDoc {
  readonly position: number;
  readonly doc: ResultDoc;
}

/** Where a stretch of a list is kept: in the batch's own document, or in a chunk. */
interface Stretch {
  readonly chunk: string | null;
  readonly from: number;
  readonly to: number;
}

const piecesOf = ({ length, chunks }: BatchHead): Stretch[] => [
  { chunk: null, from: 0, to: chunks[0]?.from ?? length },
  ...chunks.map(({ id, from, length }) => ({ chunk: id, from, to: from + length })),
];

/** The results at the given positions, which are in ascending order; null: the batch is not as it was read. */
export async function resultsAt(
  db: Models,
  batch: BatchHead,
  positions: readonly number[],
): Promise<PlacedDoc[] | null> {
  const found: PlacedDoc[] = [];
  for (const piece of piecesOf(batch)) {
    const within = positions.filter((position) => position >= piece.from && position < piece.to);
    for (const span of groupNear(within)) {
      const first = span[0] ?? 0;
      const results = await readPiece(db, batch, piece, first, (span.at(-1) ?? 0) - first + 1);
      if (results === null) return null;
      for (const position of span) {
        const doc = results[position - first];
        if (doc === undefined) return null;
        found.push({ position, doc });
      }
    }
  }
  return found;
}

function groupNear(positions: readonly number[]): number[][] {
  const spans: number[][] = [];
  for (const position of positions) {
    const last = spans.at(-1);
    if (last !== undefined && position - (last.at(-1) ?? 0) <= NEAR) last.push(position);
    else spans.push([position]);
  }
  return spans;
}

async function readPiece(
  db: Models,
  batch: BatchHead,
  { chunk, from }: Stretch,
  first: number,
  count: number,
): Promise<ResultDoc[] | null> {
  const projection = { _id: 0, batchId: 1, results: { $slice: [first - from, count] as [number, number] } };
  const doc =
    chunk === null
      ? await db.batches.collection.findOne<Pick<BatchDoc, 'results'>>(ifUnchanged(batch), { projection })
      : await db.chunks.findById(chunk, projection).lean<Pick<ChunkDoc, 'results'>>().exec();
  return doc?.results ?? null;
}

/** The index keys of all of a batch's results, in order; null: the batch is not as it was read. */
export async function keysOf(db: Models, batch: BatchHead): Promise<string[] | null> {
  const keys: string[] = [];
  const fields = { _id: 0, keys: 1 };
  for (const { chunk } of piecesOf(batch)) {
    const doc =
      chunk === null
        ? await db.batches.findOne(ifUnchanged(batch), fields).lean<Pick<BatchDoc, 'keys'>>().exec()
        : await db.chunks.findById(chunk, fields).lean<Pick<ChunkDoc, 'keys'>>().exec();
    if (doc === null) return null;
    keys.push(...doc.keys);
  }
  return keys;
}

/**
 * Reads something of a batch in one state of it. `read` answers null where the batch has changed under it; null: it is
 * not in its generation any more.
 */
export async function readConsistently<T>(
  db: Models,
  batch: BatchHead,
  read: (batch: BatchHead) => Promise<T | null>,
): Promise<T | null> {
  let current: BatchHead | null = batch;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const result: T | null = await read(current);
    if (result !== null) return result;
    current = await findBatch(db, batch.batchId);
    if (current === null || current.generation !== batch.generation) return null;
  }
  throw unavailable('a batch changes too fast to be read');
}
