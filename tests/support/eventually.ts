import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until the condition holds, for a bounded time. For what happens on another thread, process or wire and tells
 * nobody; whatever can be awaited is awaited instead.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it did not happen within ${withinMs} ms: ${what}`);
    await pause(1);
  }
}
