/** Limits how many costly requests a caller may make a minute: exports, submissions, searches and counts of domains. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { callerNameOf } from '../auth/principal.js';
import type { ClientIpOf } from '../client-ip.js';
import { Fault } from '../errors.js';
import { callerOf } from './access.js';

const WINDOW_MS = 60_000;
/** Callers that are counted; beyond it the oldest windows are dropped. */
const MAX_CALLERS = 100_000;

interface Window {
  readonly endsAt: number;
  left: number;
}

export class RateLimit {
  readonly #windows = new Map<string, Window>();

  constructor(
    private readonly perMinute: number,
    readonly addressOf: ClientIpOf,
  ) {}

  callerName(req: IncomingMessage): string {
    return callerNameOf(callerOf(req), this.addressOf(req));
  }

  /**
   * Counts one costly request of a caller. The `RateLimit` fields
   * of the answer (IETF draft) say how many are left.
   * @throws Fault `rate_limited`
   */
  consume(req: IncomingMessage, res: ServerResponse): void {
    const { perMinute } = this;
    const window = windowOf(this.#windows, this.callerName(req), perMinute);
    const isOver = window.left <= 0;
    if (!isOver) window.left--;
    const seconds = Math.ceil((window.endsAt - performance.now()) / 1000);
    res.setHeader('RateLimit-Policy', `"costly";q=${perMinute};w=${WINDOW_MS / 1000}`);
    res.setHeader('RateLimit', `"costly";r=${window.left};t=${seconds}`);
    if (!isOver) return;
    const limit = `MAX_COSTLY_REQUESTS_PER_MINUTE allows ${perMinute} exports, submissions and searches`;
    throw new Fault('rate_limited', `${limit}; try again in ${seconds} s`, { retryAfterSeconds: seconds });
  }
}

function windowOf(windows: Map<string, Window>, caller: string, perMinute: number): Window {
  const now = performance.now();
  const known = windows.get(caller);
  if (known !== undefined && known.endsAt > now) return known;
  const window = { endsAt: now + WINDOW_MS, left: perMinute };
  windows.delete(caller);
  windows.set(caller, window);
  // The map is in the order in which windows began, so they end in this order too.
  for (const [oldest, { endsAt }] of windows) {
    if (endsAt > now && windows.size <= MAX_CALLERS) break;
    windows.delete(oldest);
  }
  return window;
}
