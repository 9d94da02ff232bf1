import { Fault } from '../../errors.js';

/** What a piece of work is about: alone (`exclusive`), or beside others of the same kind. */
export interface LockRequest {
  readonly key: string;
  readonly exclusive: boolean;
}

interface Queue {
  /** The last exclusive piece of work, and what came beside each other after it. */
  barrier: Promise<Fault | null>;
  beside: Promise<Fault | null>[];
  users: number;
}

const NOTHING_BEFORE: Promise<Fault | null> = Promise.resolve(null);

/**
 * Keeps the calls of this process about one batch or file in the order in which they came. The database would sort them
 * out, but by letting all but one of those that come at once fail and try again.
 *
 * A call behind one that found the database away is told so at once: the whole queue would else wait its time one by one.
 */
export class KeyedLock {
  readonly #lanes = new Map<string, Queue>();

  async run<T>(claims: readonly LockRequest[], work: () => Promise<T>): Promise<T> {
    let finish: (fault: Fault | null) => void = () => {};
    const done = new Promise<Fault | null>((resolve) => {
      finish = resolve;
    });
    // Taken for all claims before anything is awaited: that is what makes it an order, and a deadlock impossible.
    const before = claims.flatMap((claim) => this.#enter(claim, done));
    let fault: Fault | null = null;
    try {
      fault = (await Promise.all(before)).find((failed) => failed !== null) ?? null;
      if (fault !== null) throw fault;
      return await work();
    } catch (error) {
      if (error instanceof Fault && error.code === 'unavailable') fault = error;
      throw error;
    } finally {
      finish(fault);
      for (const { key } of claims) this.#leave(key);
    }
  }

  #enter({ key, exclusive }: LockRequest, done: Promise<Fault | null>): Promise<Fault | null>[] {
    const lane = this.#lanes.get(key) ?? { barrier: NOTHING_BEFORE, beside: [], users: 0 };
    this.#lanes.set(key, lane);
    lane.users++;
    if (!exclusive) {
      lane.beside.push(done);
      return [lane.barrier];
    }
    const before = [lane.barrier, ...lane.beside];
    lane.barrier = done;
    lane.beside = [];
    return before;
  }

  #leave(key: string): void {
    const lane = this.#lanes.get(key);
    if (lane !== undefined && --lane.users === 0) this.#lanes.delete(key);
  }
}
