/** Allows `perSecond` events a second, and as many at once after a quiet second. */
export class TokenBucket {
  #tokens: number;
  #at = performance.now();

  constructor(private readonly perSecond: number) {
    this.#tokens = perSecond;
  }

  take(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.perSecond, this.#tokens + ((now - this.#at) / 1000) * this.perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
