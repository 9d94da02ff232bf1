/** How long nobody is sent to a validator that is down, and after how many failures in a row. */
export interface CircuitBreakerOptions {
  readonly failures: number;
  readonly pauseMs: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  /** Told when it opens and closes. */
  readonly onChange?: (state: 'open' | 'closed') => void;
}

/** Nobody is to try now; `retryAfterMs` later somebody may. */
export class CircuitOpen extends Error {
  constructor(readonly retryAfterMs: number) {
    super('the circuit is open');
  }
}

/**
 * A circuit breaker. Closed: everything passes. After so many failures in a row it is open: nothing passes, for a while.
 * Then one call passes as a probe, and the others wait for how that goes: it closes the circuit, or opens it again.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #now: () => number;
  #failures = 0;
  #openUntil: number | null = null;
  #probing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Carries out a call. `isFailure` tells the errors that say the other side is down from those that it has answered with;
   * null: the error says neither.
   * @throws BreakerOpen without carrying it out
   */
  async run<T>(call: () => Promise<T>, isFailure: (error: unknown) => boolean | null): Promise<T> {
    const isProbe = this.#admit();
    try {
      const answer = await call();
      this.#succeeded();
      return answer;
    } catch (error) {
      const failed = isFailure(error);
      if (failed === false) this.#succeeded();
      // One that was sent before the circuit opened says nothing new about the time since.
      else if (failed && (isProbe || this.#openUntil === null)) this.#failed(isProbe);
      throw error;
    } finally {
      if (isProbe) this.#probing = false;
    }
  }

  #admit(): boolean {
    if (this.#openUntil === null) return false;
    const wait = this.#openUntil - this.#now();
    if (wait > 0 || this.#probing) throw new CircuitOpen(Math.max(wait, 1000));
    this.#probing = true;
    return true;
  }

  #succeeded(): void {
    this.#failures = 0;
    if (this.#openUntil === null) return;
    this.#openUntil = null;
    this.#options.onChange?.('closed');
  }

  #failed(isProbe: boolean): void {
    this.#failures++;
    if (!isProbe && this.#failures < this.#options.failures) return;
    const wasOpen = this.#openUntil !== null;
    this.#openUntil = this.#now() + this.#options.pauseMs;
    if (!wasOpen) this.#options.onChange?.('open');
  }
}
