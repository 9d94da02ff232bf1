/** What follows from an attempt: delivered, another attempt later, or given up. Pure. */

import { HOUR_MS } from '../domain/durations.js';
import type { AttemptResult, DueDelivery } from '../store/webhooks.js';
import { backoff } from '../waiting.js';
import type { PostResult } from './post.js';

export interface RetryLimits {
  /** The first pause; each further one is four times as long. */
  readonly firstMs: number;
  /** A delivery that is pending for longer is given up. */
  readonly giveUpMs: number;
}

const MAX_PAUSE_MS = 8 * HOUR_MS;
const GONE = 410;

/** `now` and `since` in milliseconds since 1970. */
export function resultOf(
  { attempts, since }: Pick<DueDelivery, 'attempts' | 'since'>,
  { status, error }: PostResult,
  { firstMs, giveUpMs }: RetryLimits,
  now: number,
): AttemptResult {
  const ended = { status, error, nextAttemptAt: null };
  if (status !== null && status >= 200 && status < 300) return { ...ended, outcome: 'delivered' };
  if (status === GONE) return { ...ended, outcome: 'gone' };
  // Two doublings at a time.
  const pause = backoff(2 * (attempts - 1), { firstMs, maxMs: Math.max(firstMs, MAX_PAUSE_MS) });
  const nextAttemptAt = Math.round(now + pause);
  if (nextAttemptAt > since + giveUpMs) return { ...ended, outcome: 'failed' };
  return { status, error, outcome: 'retry', nextAttemptAt };
}
