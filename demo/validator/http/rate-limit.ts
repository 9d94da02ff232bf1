import { Refusal } from './answer.js';

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;

interface Window {
  readonly endsAt: number;
  count: number;
}

/** So many calls in a window that begins with the first; each key has its own. */
export class RateLimit {
  readonly #windows = new Map<string, Window>();

  /** @param perMinute 0 allows any number */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws Refusal 429, in the limiter's own words and without a `Retry-After` */
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
    // To the end of the map, so that the oldest are the first.
    this.#windows.delete(key);
    this.#windows.set(key, window);
    for (const [oldest, { endsAt }] of this.#windows) {
      if (this.#windows.size <= MAX_KEYS && now < endsAt) break;
      this.#windows.delete(oldest);
    }
    return window;
  }
}
