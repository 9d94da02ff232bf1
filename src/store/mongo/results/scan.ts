/** Reads all results of a file in arrival order, a slice at a time. */
import type { FileId, Generation } from '../../../domain/id.js';
import { charsOf, type PlacedResult } from '../../../domain/result.js';
import { SLICE_BYTES } from '../../bounded-results.js';
import { range } from '../../positions.js';
import { CompiledFilter } from '../../result-filter.js';
import type { ScanSlice } from '../../scan.js';
import type { ResultFilter } from '../../store.js';
import { unavailable } from '../errors.js';
import { findFile } from '../generations.js';
import type { Models } from '../models.js';
import {
  type BatchRead,
  placedResults,
  readBatches,
  readConsistently,
  resultsAt,
  SHORT,
} from './batch-reads.js';
import { passes } from './matches.js';

/** Where a scan goes on: at a position of a batch of one generation. */
interface ScanPoint {
  readonly fileId: FileId;
  readonly generation: Generation;
  readonly ordinal: number;
  readonly position: number;
  /** Batches to read in one go. */
  readonly batches: number;
}

/** Results read for a slice, about: few enough to be read quickly, enough to be worth the round trip. */
const SLICE = SHORT;
/** Batches read in one go, at first and at most: where they are short, many make a slice. */
const MIN_BATCHES = 4;
const MAX_BATCHES = 256;

export async function scanStart(db: Models, fileId: FileId): Promise<ScanPoint | null> {
  const file = await findFile(db, fileId);
  return file === null
    ? null
    : { fileId, generation: file.generation, ordinal: 0, position: 0, batches: MIN_BATCHES };
}

/** @throws Fault `unavailable` where the file was deleted or replaced meanwhile: what follows would not fit */
export async function scanSlice(
  db: Models,
  point: ScanPoint,
  wanted: ResultFilter,
): Promise<ScanSlice<ScanPoint>> {
  const { fileId, generation } = point;
  // In the middle of a long list, the batches after it are not needed yet.
  const limit = point.position > 0 ? 1 : point.batches;
  const filter = new CompiledFilter(wanted);
  const results: PlacedResult[] = [];
  let { ordinal, position } = point;
  let readCount = 0;
  let isFull = false;
  let batchCount = 0;
  let bytes = 0;
  const wantedBatches = { ordinal: { $gte: ordinal } };
  for await (const read of readBatches(db, generation, wantedBatches, [position, SLICE], limit)) {
    batchCount++;
    const { batch } = read;
    if (batch.ordinal !== ordinal && position > 0) {
      // The batch is gone, and this is the next one: it has to be read from its start.
      position = 0;
      break;
    }
    const some = (await restOfSlice(db, read, position)) ?? [];
    const passing = some.filter((result) => passes(filter, result));
    const placed = placedResults(batch, passing);
    results.push(...placed);
    bytes += charsOf(placed);
    readCount += some.length;
    position += some.length;
    ordinal = batch.ordinal ?? ordinal;
    if (position >= batch.length || some.length < SLICE) [ordinal, position] = [ordinal + 1, 0];
    isFull = readCount >= SLICE || bytes > SLICE_BYTES;
    if (isFull) break;
  }
  // Checked after the reads: while the file is current, nothing that was read can have been half deleted.
  if ((await findFile(db, fileId))?.generation !== generation)
    throw unavailable('the file changed while it was read');
  if (batchCount < limit && !isFull) return { results, next: null };
  const batches = !isFull ? Math.min(MAX_BATCHES, point.batches * 2) : MIN_BATCHES;
  return { results, next: { fileId, generation, ordinal, position, batches } };
}

/** The results of a batch from a position on, as many as make a slice; null: the batch is gone. */
function restOfSlice(db: Models, { batch, some }: BatchRead, position: number) {
  const isComplete = some.length === Math.min(SLICE, batch.length - position);
  if (isComplete) return some;
  return readConsistently(db, batch, (current) =>
    resultsAt(db, current, range(position, Math.min(position + SLICE, current.length))),
  );
}
