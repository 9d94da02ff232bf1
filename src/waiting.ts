/** Waits: for the pause before the next attempt, or for a promise, but no longer than a given time. */

import { setTimeout as pause } from 'node:timers/promises';

interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The pause in milliseconds: `firstMs` with 0 failures before it, twice as long with each further one, at most `maxMs`.
 * Jittered, so that gateways do not retry at the same moment.
 */
export const backoff = (failures: number, { firstMs, maxMs }: BackoffLimits): number =>
  jittered(Math.min(maxMs, firstMs * 2 ** failures));

/** Half of the time to all of it, by chance: gateways with the same period take turns. */
export const jittered = (ms: number): number => ms * (0.5 + Math.random() / 2);

/** Pauses until the time is over or `signal` is aborted. Never rejects. */
export const pauseUnlessAborted = (ms: number, signal: AbortSignal): Promise<unknown> =>
  pause(ms, undefined, { signal }).catch(() => undefined);

/** Waits until a promise is settled or the time is over, and returns whether it is settled. Never rejects. */
export function settledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settle, settle);
  });
}
