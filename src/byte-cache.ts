/** A cache bounded by bytes, which drops values that were not used for a while. */
import { LRUCache } from 'lru-cache';

const MAX_IDLE_MS = 60_000;

export class ByteCache<T extends object | number> {
  readonly #cache: LRUCache<string, T>;
  readonly #sweep: NodeJS.Timeout;

  /** `maxBytes` 0: nothing is kept. */
  constructor(private readonly maxBytes: number) {
    this.#cache = new LRUCache<string, T>({
      maxSize: Math.max(1, maxBytes),
      ttl: MAX_IDLE_MS,
      updateAgeOnGet: true,
      // Otherwise each use starts a timer.
      ttlResolution: 0,
    });
    // The values hold addresses, so unused ones must not stay until the space is needed.
    this.#sweep = setInterval(() => this.#cache.purgeStale(), MAX_IDLE_MS / 2).unref();
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  /** `bytes`: about what the value takes in memory. */
  set(key: string, value: T, bytes: number): void {
    if (bytes > this.maxBytes) this.#cache.delete(key);
    else this.#cache.set(key, value, { size: Math.max(1, Math.ceil(bytes)) });
  }

  delete(key: string): void {
    this.#cache.delete(key);
  }

  clear(): void {
    this.#cache.clear();
  }

  /** Drops all values, for good. */
  close(): void {
    clearInterval(this.#sweep);
    this.clear();
  }
}
