import type { PlacedResult } from '../../domain/result.js';
import type { ResultFilter } from '../store.js';
import { CompiledFilter } from './compiled-filter.js';
import { unavailable } from './errors.js';
import { findFile } from './generations.js';
import type { Models } from './models.js';
import { type BatchRead, placedResults, readBatches, SHORT } from './page-slices.js';
import { readConsistently, resultsAt } from './range-reads.js';

/** Where a scan goes on: at a position of a batch of one generation. */
export interface ScanPoint {
  readonly fileId: string;
  readonly generation: string;
  readonly ordinal: number;
  readonly position: number;
  /** Batches to read in one go. */
  readonly batches: number;
}

export interface ScanSlice {
  readonly results: readonly PlacedResult[];
  /** Null: that was all. */
  readonly next: ScanPoint | null;
}

/** Results read for a slice, about: small enough that nobody waits for it, large enough to be worth the trip. */
const SLICE = SHORT;
/** Batches read in one go, at first and at most: where they are short, many make a slice. */
const FEW = 4;
const MANY = 256;

export async function scanStart(db: Models, fileId: string): Promise<ScanPoint | null> {
  const file = await findFile(db, fileId);
  return file === null
    ? null
    : { fileId, generation: file.generation, ordinal: 0, position: 0, batches: FEW };
}

/** @throws Fault `unavailable` where the file was deleted or replaced meanwhile: what follows would not fit */
export async function scanSlice(
  db: Models,
  point: ScanPoint,
  status: ResultFilter['status'],
): Promise<ScanSlice> {
  const { fileId, generation } = point;
  // In the middle of a long list there is no use in what comes after it.
  const limit = point.position > 0 ? 1 : point.batches;
  const filter = new CompiledFilter({ status });
  const results: PlacedResult[] = [];
  let { ordinal, position } = point;
  let looked = 0;
  const found = await readBatches(db, generation, { ordinal: { $gte: ordinal } }, [position, SLICE], limit);
  for (const read of found) {
    if (looked >= SLICE) break;
    const { batch } = read;
    if (batch.ordinal !== ordinal && position > 0) {
      // The batch has gone, and this is the next one: it has to be read from its start.
      position = 0;
      break;
    }
    const some = (await sliceOf(db, read, position)) ?? [];
    const passing = some.filter(({ doc }) => filter.passes(doc));
    results.push(...placedResults(batch, passing));
    looked += some.length;
    position += some.length;
    ordinal = batch.ordinal ?? ordinal;
    if (position >= batch.length || some.length < SLICE) [ordinal, position] = [ordinal + 1, 0];
  }
  // After whatever was read: what was there while the file stood afterwards was not a chunk of something deleted.
  if ((await findFile(db, fileId))?.generation !== generation)
    throw unavailable('the file changed while it was read');
  if (found.length < limit && looked < SLICE) return { results, next: null };
  const batches = looked < SLICE ? Math.min(MANY, point.batches * 2) : FEW;
  return { results, next: { fileId, generation, ordinal, position, batches } };
}

/** The results of a batch from a position on, as many as make a slice; null: the batch is gone. */
function sliceOf(db: Models, { batch, some }: BatchRead, position: number) {
  const isThere = some.length === Math.min(SLICE, batch.length - position);
  if (isThere) return some;
  return readConsistently(db, batch, (current) => {
    const count = Math.max(0, Math.min(SLICE, current.length - position));
    return resultsAt(
      db,
      current,
      Array.from({ length: count }, (_, i) => position + i),
    );
  });
}
