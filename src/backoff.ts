/** How long to pause before the next attempt, and the pause itself. */

import { setTimeout as pause } from 'node:timers/promises';

export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The pause in milliseconds: `firstMs` with 0 failures before it, twice as long with each further one, at most `maxMs`.
 * Half of it is chance, so that gateways do not retry at the same moment.
 */
export const backoff = (failures: number, { firstMs, maxMs }: BackoffLimits): number =>
  Math.min(maxMs, firstMs * 2 ** failures) * (0.5 + Math.random() / 2);

/** Pauses until the time is over or `signal` is aborted. Never rejects. */
export const pauseUnlessAborted = (ms: number, signal: AbortSignal): Promise<unknown> =>
  pause(ms, undefined, { signal }).catch(() => undefined);
