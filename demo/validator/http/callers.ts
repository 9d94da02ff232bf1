/** Authenticates the callers of the simulated validator, and limits how often they call. */
import type { IncomingHttpHeaders } from 'node:http';
import { BROKEN, Refusal, refusal } from './answer.js';

/** Width of the real validator's database column. */
const MAX_USER_LENGTH = 255;

const headerOf = (headers: IncomingHttpHeaders, name: string): string =>
  (headers[name]?.toString() ?? '').trim();

/** @throws Refusal 401 */
export function requireKey(headers: IncomingHttpHeaders, apiKey: string): void {
  const key = headerOf(headers, 'x-api-key');
  if (key === '') throw refusal(401, 'Missing API key');
  if (key !== apiKey) throw refusal(401, 'Invalid API key');
}

/** The user whose calls are counted. The real validator counts before it checks the user. */
export const userOf = (headers: IncomingHttpHeaders): string => headerOf(headers, 'x-user-id');

/** @throws Refusal 400; 500 for a user id that is too long */
export function requireUser(headers: IncomingHttpHeaders): void {
  const user = userOf(headers);
  if (user === '') throw refusal(400, 'Missing user ID');
  if (user.length > MAX_USER_LENGTH) throw new Refusal(BROKEN);
}

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;

interface Window {
  readonly endsAt: number;
  count: number;
}

/** Limits the calls of each key within a window of a minute that begins with the key's first call. */
export class RateLimit {
  readonly #windows = new Map<string, Window>();

  /** @param perMinute 0: no limit */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws Refusal 429 with the limiter's own body and, as in the real validator, without `Retry-After` */
  count(key: string): void {
    if (this.perMinute === 0) return;
    const window = this.#windowOf(key);
    window.count++;
    if (window.count <= this.perMinute) return;
    const error = `Rate limit exceeded: ${this.perMinute} per 1 minute`;
    throw new Refusal({ status: 429, body: { error } });
  }

  #windowOf(key: string): Window {
    const now = this.now();
    const known = this.#windows.get(key);
    if (known !== undefined && now < known.endsAt) return known;
    const window = { endsAt: now + WINDOW_MS, count: 0 };
    // Moved to the end of the map, so that the oldest windows come first.
    this.#windows.delete(key);
    this.#windows.set(key, window);
    for (const [oldest, { endsAt }] of this.#windows) {
      if (this.#windows.size <= MAX_KEYS && now < endsAt) break;
      this.#windows.delete(oldest);
    }
    return window;
  }
}
