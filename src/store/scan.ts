/** How both stores read all results of a file: a slice at a time, each with the point where the next one begins. */
import type { PlacedResult } from '../domain/result.js';

export interface ScanSlice<Point> {
  readonly results: readonly PlacedResult[];
  /** Null: that was all. */
  readonly next: Point | null;
}

/** `start` answers null where there is no such file. */
export async function* scanSlices<Point>(
  start: () => Promise<Point | null>,
  read: (point: Point) => Promise<ScanSlice<Point>>,
): AsyncGenerator<readonly PlacedResult[], void, undefined> {
  for (let point: Point | null = await start(); point !== null; ) {
    const slice: ScanSlice<Point> = await read(point);
    yield slice.results;
    point = slice.next;
  }
}
