/** Limits how many exports run at once: of one caller, so that none takes all of them, and of all callers together. */
import { Fault } from '../../errors.js';

const RETRY_AFTER_SECONDS = 5;

export interface ExportLimits {
  readonly MAX_EXPORTS: number;
  readonly MAX_EXPORTS_PER_CALLER: number;
}

export class RunningExports {
  readonly #ofCaller = new Map<string, number>();
  #all = 0;

  constructor(private readonly limits: ExportLimits) {}

  /** Counts an export until the returned function is called. @throws Fault `rate_limited` */
  begin(caller: string): () => void {
    const own = this.#ofCaller.get(caller) ?? 0;
    for (const [name, running] of [
      ['MAX_EXPORTS_PER_CALLER', own],
      ['MAX_EXPORTS', this.#all],
    ] as const) {
      if (running < this.limits[name]) continue;
      const whose = name === 'MAX_EXPORTS' ? '' : ' of one caller';
      throw new Fault('rate_limited', `${name} allows ${this.limits[name]} exports${whose} at once`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#count(caller, 1);
    return () => this.#count(caller, -1);
  }

  #count(caller: string, change: number): void {
    this.#all += change;
    const own = (this.#ofCaller.get(caller) ?? 0) + change;
    if (own === 0) this.#ofCaller.delete(caller);
    else this.#ofCaller.set(caller, own);
  }
}
