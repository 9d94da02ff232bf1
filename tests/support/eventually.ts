import { setTimeout as pause } from 'node:timers/promises';

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
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it did not happen within ${withinMs} ms: ${what}`);
    await pause(1);
  }
}
