/** Stores one update of a batch at a time, and drops waiting updates that a newer one of their batch replaces. */

import { CallerShares } from '../caller-shares.js';
import type { UserId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import { merged, type Update } from '../domain/update.js';
import { Fault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { Saved } from '../store/store.js';

type Outcome = Saved['outcome'];

interface WaitingUpdate {
  update: Update;
  bytes: number;
  readonly sender: Claimant;
  /** When the oldest update in it arrived. */
  readonly arrivedAt: number;
  readonly outcome: Promise<Outcome>;
}

/** Updates are cumulative, so of those that wait only the newest is needed. This keeps up with any rate of updates. */
export class Conflator {
  /** By batch, file, request and sender: the update that is being stored, and the one that waits for it. */
  readonly #batches = new Map<string, { storing: Promise<unknown>; waiting: WaitingUpdate | null }>();
  readonly #shares: CallerShares;

  constructor(
    private readonly handle: (update: Update, sender: Claimant, arrivedAt: number) => Promise<Outcome>,
    private readonly maxBytes: number,
    private readonly metrics: Metrics,
  ) {
    this.#shares = new CallerShares(maxBytes);
  }

  /** Batches with an update that is being stored or waits; one that several senders update counts for each. */
  get size(): number {
    return this.#batches.size;
  }

  get bytes(): number {
    return this.#shares.all;
  }

  /**
   * Fulfilled once the update, or a newer one of its batch, is stored. `arrivedAt` is a time of the monotonic clock.
   * @throws Fault `unavailable` when more than `maxBytes` wait already, or of this user half of what the others leave
   */
  take(update: Update, bytes: number, sender: Claimant, arrivedAt = performance.now()): Promise<Outcome> {
    // Ids have no control characters. An update for another file or request, or of another sender, does not replace this one.
    const key = [update.batchId, update.fileId, update.requestId, sender.userId, sender.files].join('\n');
    const batch = this.#batches.get(key);
    // An update that replaces another one adds only the difference of their sizes.
    const more = Math.max(0, bytes - (batch?.waiting?.bytes ?? 0));
    // A single update is always accepted, or one above the limit could never be taken in.
    if (more > 0 && this.bytes > 0 && !this.#hasRoom(sender.userId, more)) {
      throw new Fault('unavailable', 'too many updates are waiting to be stored', { retryAfterSeconds: 1 });
    }
    if (batch === undefined) return this.#store(key, { update, bytes, sender, arrivedAt });
    this.#count(sender, more);
    if (batch.waiting !== null) {
      this.metrics.conflated.inc();
      batch.waiting.update = merged(batch.waiting.update, update);
      batch.waiting.bytes += more;
      return batch.waiting.outcome;
    }
    const outcome = batch.storing.then(() => {
      const newest = batch.waiting ?? { update, bytes, sender, arrivedAt };
      batch.waiting = null;
      this.#count(sender, -newest.bytes);
      return this.#store(key, newest);
    });
    batch.waiting = { update, bytes, sender, arrivedAt, outcome };
    return outcome;
  }

  /** Fulfilled once nothing waits and nothing is being stored. */
  async idle(): Promise<void> {
    while (this.#batches.size > 0)
      await Promise.all([...this.#batches.values()].map(({ storing }) => storing));
  }

  /** What comes from no user, over Redis or without tokens, comes from producers of ours: they get all that the users leave. */
  #hasRoom(userId: UserId | null, more: number): boolean {
    return userId === null ? this.bytes + more <= this.maxBytes : this.#shares.fits(userId, more);
  }

  #count({ userId }: Claimant, bytes: number): void {
    this.#shares.add(userId ?? '', bytes);
  }

  #store(
    key: string,
    { update, bytes, sender, arrivedAt }: Omit<WaitingUpdate, 'outcome'>,
  ): Promise<Outcome> {
    this.#count(sender, bytes);
    const outcome = this.handle(update, sender, arrivedAt);
    const batch = { storing: Promise.resolve<unknown>(undefined), waiting: null as WaitingUpdate | null };
    batch.storing = outcome
      .catch(() => undefined)
      .then(() => {
        this.#count(sender, -bytes);
        if (batch.waiting === null) this.#batches.delete(key);
      });
    this.#batches.set(key, batch);
    return outcome;
  }
}
