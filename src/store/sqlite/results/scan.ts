/** Reads all results of a file that pass a filter, in arrival order and a slice at a time. */
import type { FileId } from '../../../domain/id.js';
import { charsOf, type PlacedResult } from '../../../domain/result.js';
import { Fault } from '../../../errors.js';
import { SLICE_BYTES } from '../../bounded-results.js';
import { range } from '../../positions.js';
import { CompiledFilter, emailIn } from '../../result-filter.js';
import type { ScanSlice } from '../../scan.js';
import type { ResultFilter } from '../../store.js';
import type { Database } from '../database.js';
import { CURRENT, currentGeneration, findGeneration } from '../generations.js';
import { LIST_PLACES, passingPlaces, resultsAt } from './results.js';

/** Results read for a slice, about: few enough to be read quickly, enough to be worth a message between threads. */
const SLICE = 500;
/** Batches looked at for a slice: where nothing in them passes, the slice is empty, and other reads get a turn. */
const BATCHES_AT_ONCE = 64;

/** Where a scan goes on: at a position of a batch of one generation. */
interface ScanPoint {
  readonly generation: number;
  readonly ordinal: number;
  readonly position: number;
}

export function scanStart(db: Database, fileId: FileId): ScanPoint | null {
  const current = currentGeneration(db, fileId);
  return current === undefined ? null : { generation: current.generation, ordinal: 0, position: 0 };
}

/** @throws Fault `unavailable` where the file was deleted or replaced meanwhile: what follows would not fit */
export function scanSlice(db: Database, point: ScanPoint, wanted: ResultFilter): ScanSlice<ScanPoint> {
  const { generation } = point;
  if (findGeneration(db, generation)?.state !== CURRENT)
    throw new Fault('unavailable', 'the file changed while it was read');
  const filter = new CompiledFilter(wanted);
  const results: PlacedResult[] = [];
  const batches = db.all<{ number: number; list: number; batchId: string; ordinal: number; length: number }>(
    `SELECT number, list, batchId, ordinal, length FROM batches WHERE generation = ? AND ordinal >= ?
     ORDER BY ordinal LIMIT ${BATCHES_AT_ONCE}`,
    generation,
    point.ordinal,
  );
  let room = SLICE;
  let bytes = 0;
  for (const batch of batches) {
    const from = batch.ordinal === point.ordinal ? point.position : 0;
    const passing = filter.passesAllCells
      ? range(from, Math.min(batch.length, from + room))
      : passingPlaces(db, [batch], filter).flatMap((place) =>
          place % LIST_PLACES >= from ? [place % LIST_PLACES] : [],
        );
    const positions = passing.slice(0, room);
    const found = resultsAt(db, batch, positions);
    results.push(
      ...(filter.hasPrefix ? found.filter(({ json }) => filter.passesAddress(emailIn(json))) : found),
    );
    room -= positions.length;
    bytes += charsOf(found);
    if (room === 0 || bytes > SLICE_BYTES) {
      const position = (positions.at(-1) ?? from) + 1;
      return { results, next: { generation, ordinal: batch.ordinal, position } };
    }
  }
  const last = batches.at(-1);
  if (last === undefined || batches.length < BATCHES_AT_ONCE) return { results, next: null };
  return { results, next: { generation, ordinal: last.ordinal + 1, position: 0 } };
}
