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
  readonly #sweep: NodeJS.Timeout;

  constructor(
    private readonly maxBytes: number,
    private readonly maxIdleMs = 60_000,
  ) {
    this.#sweep = setInterval(() => this.#forgetIdle(), maxIdleMs / 2).unref();
  }

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
  }

  /** Forgets all, for good. */
  close(): void {
    clearInterval(this.#sweep);
    this.clear();
  }

  #forgetIdle(): void {
    const oldest = Date.now() - this.maxIdleMs;
    for (const [key, { usedAt }] of this.#kept) {
      if (usedAt > oldest) break;
      this.delete(key);
    }
  }
}
