import { LRUCache } from 'lru-cache';

/** Values by key: the most recently used ones, limited by their bytes in all, and none that was not used for a while. */
export class ByteCache<T extends object | number> {
  readonly #cache: LRUCache<string, T>;
  readonly #sweep: NodeJS.Timeout;

  /** `maxBytes` 0: nothing is kept. */
  constructor(
    private readonly maxBytes: number,
    maxIdleMs = 60_000,
  ) {
    this.#cache = new LRUCache<string, T>({
      maxSize: Math.max(1, maxBytes),
      ttl: maxIdleMs,
      updateAgeOnGet: true,
      // Without it a timer of the cache would follow each use.
      ttlResolution: 0,
    });
    // The values hold addresses: what nobody asks for must go as well.
    this.#sweep = setInterval(() => this.#cache.purgeStale(), maxIdleMs / 2).unref();
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

  /** Forgets all, for good. */
  close(): void {
    clearInterval(this.#sweep);
    this.clear();
  }
}
