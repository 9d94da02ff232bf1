import { merged, type Update } from '../domain/update.js';
import { Fault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { Saved } from '../store/store.js';

type Outcome = Saved['outcome'];

interface WaitingUpdate {
  update: Update;
  bytes: number;
  readonly outcome: Promise<Outcome>;
}

/**
 * One update of a batch at a time, and of those that wait the newest: updates are cumulative, so a newer one makes the
 * older ones needless. That is the valve when updates come in faster than they can be stored.
 */
export class Conflator {
  /** What is being stored of a batch, and what waits behind it. */
  readonly #lanes = new Map<string, { storing: Promise<unknown>; waiting: WaitingUpdate | null }>();
  #bytes = 0;

  constructor(
    private readonly handle: (update: Update) => Promise<Outcome>,
    private readonly maxBytes: number,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Fulfilled once the update, or a newer one of its batch, is stored.
   * @throws Fault `unavailable` when more than `maxBytes` wait already
   */
  take(update: Update, bytes: number): Promise<Outcome> {
    // Ids hold no control characters. What names another file or request is no newer version of the same thing.
    const key = `${update.batchId}\n${update.fileId}\n${update.requestId}`;
    const lane = this.#lanes.get(key);
    // What takes the place of another update adds only what it is larger by.
    const more = Math.max(0, bytes - (lane?.waiting?.bytes ?? 0));
    // A lone update always fits, or a large one could never be taken in.
    if (more > 0 && this.#bytes > 0 && this.#bytes + more > this.maxBytes) {
      throw new Fault('unavailable', 'too many updates are waiting to be stored', { retryAfterSeconds: 1 });
    }
    if (lane === undefined) return this.#store(key, update, bytes);
    this.#bytes += more;
    if (lane.waiting !== null) {
      this.metrics.conflated.inc();
      lane.waiting.update = merged(lane.waiting.update, update);
      lane.waiting.bytes += more;
      return lane.waiting.outcome;
    }
    const outcome = lane.storing.then(() => {
      const newest = lane.waiting ?? { update, bytes };
      lane.waiting = null;
      this.#bytes -= newest.bytes;
      return this.#store(key, newest.update, newest.bytes);
    });
    lane.waiting = { update, bytes, outcome };
    return outcome;
  }

  /** Fulfilled once nothing waits and nothing is being stored. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all([...this.#lanes.values()].map(({ storing }) => storing));
  }

  #store(key: string, update: Update, bytes: number): Promise<Outcome> {
    this.#bytes += bytes;
    const outcome = this.handle(update);
    const lane = { storing: Promise.resolve<unknown>(undefined), waiting: null as WaitingUpdate | null };
    lane.storing = outcome
      .catch(() => undefined)
      .then(() => {
        this.#bytes -= bytes;
        if (lane.waiting === null) this.#lanes.delete(key);
      });
    this.#lanes.set(key, lane);
    return outcome;
  }
}
