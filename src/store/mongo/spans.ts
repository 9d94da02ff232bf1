import { asRead, headOf } from './batch-docs.js';
import type { Batch, BatchDoc, PartDoc } from './documents.js';
import { unavailable } from './errors.js';
import type { Models } from './models.js';
import type { ResultDoc } from './result-docs.js';

/** Positions that lie closer than this are read in one go. */
const NEAR = 32;
/** A batch that changes between two reads is read again; none changes as often as this. */
const ATTEMPTS = 1_000;

export interface Placed {
  readonly position: number;
  readonly doc: ResultDoc;
}

/** Where a stretch of a list is kept: in the batch's own document, or in a part. */
interface Piece {
  readonly part: string | null;
  readonly from: number;
  readonly to: number;
}

const piecesOf = ({ length, parts }: Batch): Piece[] => [
  { part: null, from: 0, to: parts[0]?.from ?? length },
  ...parts.map(({ id, from, length }) => ({ part: id, from, to: from + length })),
];

/** The results at the given positions, which are in ascending order; null: the batch is not as it was read. */
export async function resultsAt(
  db: Models,
  batch: Batch,
  positions: readonly number[],
): Promise<Placed[] | null> {
  const found: Placed[] = [];
  for (const piece of piecesOf(batch)) {
    const within = positions.filter((position) => position >= piece.from && position < piece.to);
    for (const span of spansOf(within)) {
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

function spansOf(positions: readonly number[]): number[][] {
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
  batch: Batch,
  { part, from }: Piece,
  first: number,
  count: number,
): Promise<ResultDoc[] | null> {
  const projection = { _id: 0, batchId: 1, results: { $slice: [first - from, count] as [number, number] } };
  const doc =
    part === null
      ? await db.batches.collection.findOne<Pick<BatchDoc, 'results'>>(asRead(batch), { projection })
      : await db.parts.findById(part, projection).lean<Pick<PartDoc, 'results'>>().exec();
  return doc?.results ?? null;
}

/** The index keys of all of a batch's results, in order; null: the batch is not as it was read. */
export async function keysOf(db: Models, batch: Batch): Promise<string[] | null> {
  const keys: string[] = [];
  const fields = { _id: 0, keys: 1 };
  for (const { part } of piecesOf(batch)) {
    const doc =
      part === null
        ? await db.batches.findOne(asRead(batch), fields).lean<Pick<BatchDoc, 'keys'>>().exec()
        : await db.parts.findById(part, fields).lean<Pick<PartDoc, 'keys'>>().exec();
    if (doc === null) return null;
    keys.push(...doc.keys);
  }
  return keys;
}

/**
 * Reads something of a batch in one state of it. `read` answers null where the batch has changed under it; null: it is
 * not in its life any more.
 */
export async function inOneState<T>(
  db: Models,
  batch: Batch,
  read: (batch: Batch) => Promise<T | null>,
): Promise<T | null> {
  let current: Batch | null = batch;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const result: T | null = await read(current);
    if (result !== null) return result;
    current = await headOf(db, batch.batchId);
    if (current === null || current.life !== batch.life) return null;
  }
  throw unavailable('a batch changes too fast to be read');
}
