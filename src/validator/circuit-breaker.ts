/** A circuit breaker: after several failures in a row, calls to a service that is down fail at once for a while. */

interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failures: number;
  /** How long it stays open. */
  readonly pauseMs: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  readonly onChange?: (state: 'open' | 'closed') => void;
}

/** The call was not made; after `retryAfterMs` one may be. */
export class CircuitOpen extends Error {
  constructor(readonly retryAfterMs: number) {
    super('the circuit is open');
  }
}

/**
 * Closed: every call is made. Open: none is made for a pause. After the pause one call is made as a probe, and the others
 * are refused until it ends: its success closes the circuit, its failure opens it again.
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
   * Makes a call. `isFailure` says whether an error means that the service is down (true), that it answered (false), or
   * neither (null).
   * @throws CircuitOpen without making the call
   */
  async run<T>(call: () => Promise<T>, isFailure: (error: unknown) => boolean | null): Promise<T> {
    const isProbe = this.#enter();
    try {
      const answer = await call();
      this.#succeeded();
      return answer;
    } catch (error) {
      const failed = isFailure(error);
      if (failed === false) this.#succeeded();
      // The failure of a call made before the circuit opened does not extend the pause.
      else if (failed && (isProbe || this.#openUntil === null)) this.#failed(isProbe);
      throw error;
    } finally {
      if (isProbe) this.#probing = false;
    }
  }

  /** Whether the call is the probe. @throws CircuitOpen */
  #enter(): boolean {
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
