/** Limits how many exports or uploads run at once: those of one caller, so that none takes all places, and those of all. */
import { CallerShares } from '../caller-shares.js';
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
  readonly #shares: CallerShares;

  constructor(private readonly limits: RunningLimits) {
    const [, max] = limits.ofAll;
    this.#shares = new CallerShares(max);
  }

  /** Counts one until the returned function is called. @throws Fault `rate_limited` */
  begin(caller: string): () => void {
    const { what, ofCaller, ofAll } = this.limits;
    const { all } = this.#shares;
    const own = this.#shares.of(caller);
    refuseOver(ofCaller, own, `${what} of one caller`);
    refuseOver(ofAll, all, what);
    // Alone, a caller may have them all.
    if (all > own)
      refuseOver(
        ofAll,
        own,
        `${what} of one caller beside those of others`,
        Math.ceil(this.#shares.mostOf(caller)),
      );
    this.#shares.add(caller, 1);
    return () => this.#shares.add(caller, -1);
  }

  /** Counts one while the work goes on. @throws Fault `rate_limited` */
  async during<T>(caller: string, work: () => Promise<T>): Promise<T> {
    const end = this.begin(caller);
    try {
      return await work();
    } finally {
      end();
    }
  }
}

function refuseOver([name, limit]: Limit, running: number, what: string, max = limit): void {
  if (running >= max)
    throw new Fault('rate_limited', `${name} allows ${max} ${what} at once`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
}
