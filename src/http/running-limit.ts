/** Limits how many exports or uploads run at once: those of one caller, so that none takes all places, and those of all. */
import { Fault } from '../errors.js';

export const RETRY_AFTER_SECONDS = 5;

/** A limit by the name of its variable. */
type Limit = readonly [name: string, max: number];

interface RunningLimits {
  /** What is limited, in the plural. */
  readonly what: string;
  readonly ofCaller: Limit;
  readonly ofAll: Limit;
}

export class RunningLimit {
  readonly #ofCaller = new Map<string, number>();
  #all = 0;

  constructor(private readonly limits: RunningLimits) {}

  /** Counts one until the returned function is called. @throws Fault `rate_limited` */
  begin(caller: string): () => void {
    const { what, ofCaller, ofAll } = this.limits;
    const own = this.#ofCaller.get(caller) ?? 0;
    refuseOver(ofCaller, own, `${what} of one caller`);
    refuseOver(ofAll, this.#all, what);
    refuseOver(ofAll, own, `${what} of one caller beside those of others`, this.#shareOf(own));
    this.#count(caller, 1);
    return () => this.#count(caller, -1);
  }

  /** Beside others a caller gets half of what they leave, so that a few who take all they get keep out no other. */
  #shareOf(own: number): number {
    const others = this.#all - own;
    const [, max] = this.limits.ofAll;
    return others === 0 ? max : Math.ceil((max - others) / 2);
  }

  #count(caller: string, change: number): void {
    this.#all += change;
    const own = (this.#ofCaller.get(caller) ?? 0) + change;
    if (own === 0) this.#ofCaller.delete(caller);
    else this.#ofCaller.set(caller, own);
  }
}

function refuseOver([name, limit]: Limit, running: number, what: string, max = limit): void {
  if (running >= max)
    throw new Fault('rate_limited', `${name} allows ${max} ${what} at once`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
}
