/**
 * The pace of a file, from two remembered points so that it costs nothing to keep: the rate is measured from a point
 * that is between one and two windows old, recent enough to follow a change and old enough to be steady.
 */
export interface ThroughputWindow {
  readonly from: Point;
  readonly next: Point;
}

interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Addresses with a result, at that time. */
  readonly processed: number;
}

const WINDOW_MS = 10_000;
/** Over less than this a rate is noise: the first flush of a file would claim thousands a second. */
const MIN_SPAN_MS = 500;

/** A pace that starts here: nothing is known of what was before. */
export function startWindow(at: number, processed: number): ThroughputWindow {
  const here = { at, processed };
  return { from: here, next: here };
}

export function advanceWindow(pace: ThroughputWindow, at: number, processed: number): ThroughputWindow {
  // A batch that is run again may take results back; what was measured before it says nothing any more.
  if (processed < pace.from.processed) return startWindow(at, processed);
  return at - pace.next.at >= WINDOW_MS ? { from: pace.next, next: { at, processed } } : pace;
}

/** Addresses a second since the point that the pace is measured from. */
export const recentRate = ({ from }: ThroughputWindow, at: number, processed: number): number =>
  ratePerSecond(processed - from.processed, at - from.at);

export const ratePerSecond = (processed: number, spanMs: number): number =>
  (processed * 1000) / Math.max(spanMs, MIN_SPAN_MS);
