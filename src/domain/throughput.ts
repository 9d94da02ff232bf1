/** Measures how many addresses per second a file gets results for. */

/**
 * Two remembered points of a file's progress, which cost nothing to keep. The rate is measured from a point that is between
 * one and two windows old: recent enough to follow a change, old enough to be steady.
 */
export interface ThroughputWindow {
  /** The rate is measured from here. */
  readonly from: Point;
  /** Takes the place of `from` once it is a window old. */
  readonly next: Point;
}

interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Addresses with a result, at that time. */
  readonly processed: number;
}

const WINDOW_MS = 10_000;
/** Over less than this a rate is noise: the first flush of a file would report thousands a second. */
const MIN_SPAN_MS = 500;

/** A window that starts at this point, without any history. */
export function startWindow(at: number, processed: number): ThroughputWindow {
  const start = { at, processed };
  return { from: start, next: start };
}

export function advanceWindow(window: ThroughputWindow, at: number, processed: number): ThroughputWindow {
  // A batch that is run again may take results back; a rate measured from before that would be wrong.
  if (processed < window.from.processed) return startWindow(at, processed);
  // The point was set by a gateway whose clock is ahead of this one: what has passed since then is not known.
  if (at < window.next.at) return startWindow(at, processed);
  return at - window.next.at >= WINDOW_MS ? { from: window.next, next: { at, processed } } : window;
}

/** Addresses per second since the start of the window. */
export const recentRate = ({ from }: ThroughputWindow, at: number, processed: number): number =>
  ratePerSecond(processed - from.processed, at - from.at);

export const ratePerSecond = (processed: number, spanMs: number): number =>
  (processed * 1000) / Math.max(spanMs, MIN_SPAN_MS);
