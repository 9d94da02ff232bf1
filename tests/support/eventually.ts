import { setTimeout as pause } from 'node:timers/promises';

const LONGEST_PAUSE_MS = 10;

/**
 * Waits in tests, with a time limit, for a condition that another thread or process changes without a signal. Anything
 * that can be awaited is awaited instead.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 1; !(await holds()); pauseMs = Math.min(pauseMs * 1.2, LONGEST_PAUSE_MS)) {
    if (performance.now() > deadline) throw new Error(`it did not happen within ${withinMs} ms: ${what}`);
    await pause(pauseMs);
  }
}
