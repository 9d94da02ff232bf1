interface Kept<T> {
  readonly value: T;
  readonly bytes: number;
  usedAt: number;
}

/** Values by key, those that were used last: at most so many bytes in all, and none that nobody used for a while. */
export class Recent<T> {
  /** In the order of their use. */
  readonly #kept = new Map<string, Kept<T>>();
  #bytes = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly maxBytes: number,
    private readonly maxIdleMs = 60_000,
  ) {}

  get(key: string): T | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    kept.usedAt = Date.now();
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.value;
  }

  set(key: string, value: T, bytes: number): void {
    this.delete(key);
    if (bytes > this.maxBytes) return;
    this.#kept.set(key, { value, bytes, usedAt: Date.now() });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.maxBytes) break;
      this.delete(oldest);
    }
    this.#sweep ??= setTimeout(() => this.#forgetIdle(), this.maxIdleMs).unref();
  }

  delete(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
  }

  #forgetIdle(): void {
    const oldest = Date.now() - this.maxIdleMs;
    for (const [key, { usedAt }] of this.#kept) {
      if (usedAt > oldest) break;
      this.delete(key);
    }
    this.#sweep =
      this.#kept.size === 0 ? undefined : setTimeout(() => this.#forgetIdle(), this.maxIdleMs).unref();
  }
}
