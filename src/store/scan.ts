/** How both stores read all results of a file: a slice at a time, each with the point where the next one begins. */
import type { PlacedResult } from '../domain/result.js';

export interface ScanSlice<Point> {
  readonly results: readonly PlacedResult[];
  /** Null: that was all. */
  readonly next: Point | null;
}

/** `start` answers null where there is no such file. The next slice is read while the caller is busy with one. */
export async function* scanSlices<Point>(
  start: () => Promise<Point | null>,
  read: (point: Point) => Promise<ScanSlice<Point>>,
): AsyncGenerator<readonly PlacedResult[], void, undefined> {
  const readNext = (point: Point | null) => {
    const next = point === null ? null : read(point);
    // It fails where it is awaited; the caller may have gone by then.
    next?.catch(() => undefined);
    return next;
  };
  for (let reading = readNext(await start()); reading !== null; ) {
    const slice: ScanSlice<Point> = await reading;
    reading = readNext(slice.next);
    if (slice.results.length > 0) yield slice.results;
  }
}
