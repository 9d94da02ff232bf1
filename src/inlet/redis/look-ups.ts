/** Looks up batches at the keys where the validator keeps their newest update, so that a lost message does no harm. */

import { limitConcurrencyEach } from '../../concurrency-limit.js';
import type { BatchId } from '../../domain/id.js';
import type { Logger } from '../../logger.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import type { IncompleteBatches, UpdateStore } from '../../store/store.js';
import { backoff, pauseUnlessAborted } from '../../waiting.js';
import type { LookUpClaims } from './claims.js';
import type { ValidatorResults } from './validator-results.js';

interface LookUpsDeps {
  readonly claims: LookUpClaims;
  readonly results: Pick<ValidatorResults, 'takeIn'>;
  readonly updates: Pick<UpdateStore, 'incompleteBatches'>;
  /** Stalled batches are looked up this often: the validator may write their key later. */
  readonly stalledEveryMs: number;
  /** Work begins after a random part of this time, so that gateways which reconnect together do not all look up at once. */
  readonly spreadMs: number;
  /** Names the part of Redis that has a batch's key; a part that is away delays the look-ups of no other one. */
  readonly rangeOf: (batchId: BatchId) => string;
  readonly logger: Logger;
}

/** Batches that are claimed in one step. */
const SLICE = 200;
/** Batches that a sweep reads at once: some databases read all that are left for each page. */
const READ_AT_ONCE = 4_000;
/** Values are large, so few are read at once from one part of Redis. */
const CONCURRENT_READS = 4;
/** With more single batches than this, all batches are looked up instead. */
const MAX_MISSED = 10_000;
/** A batch whose first update was lost may be registered this much later. */
const REGISTERED_WITHIN_MS = 10_000;

type SweptStatus = 'all' | 'waiting' | 'stalled';

/** One pass over the incomplete batches. */
interface Sweep {
  readonly status: SweptStatus;
  /** When it began (the server's time in microseconds): earlier look-ups by other gateways do not count. */
  since: number | null;
  /** Batches that were read and not looked up yet. */
  read: readonly BatchId[];
  /** Where the next ones begin. */
  after: string | null;
  isAllRead: boolean;
  /** An update may have been missed since it began: once it ends, it begins again. */
  isRepeated: boolean;
}

/** An update that is found is taken in like any other, and changes nothing unless it is newer. */
export class LookUps {
  readonly #sweeps = new Map<SweptStatus, Sweep>();
  /** Single batches to look up. */
  readonly #missed = new Set<BatchId>();
  #working: Promise<void> | undefined;
  #laterSweep: NodeJS.Timeout | undefined;
  #stalledSweeps: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  readonly #lookUp: (batchId: BatchId) => Promise<void>;

  constructor(private readonly deps: LookUpsDeps) {
    this.#lookUp = limitConcurrencyEach(CONCURRENT_READS, deps.rangeOf, async (batchId: BatchId) => {
      if (!this.#closing.signal.aborted) await deps.results.takeIn(batchId);
    });
  }

  /** From now on stalled batches are looked up periodically. */
  start(): void {
    const { stalledEveryMs } = this.deps;
    this.#stalledSweeps ??= setInterval(() => void this.#sweepStalled(), stalledEveryMs).unref();
  }

  /** Looks up every incomplete batch soon: any update until now may have been missed. */
  all(): void {
    this.#beginSweep('all');
    clearTimeout(this.#laterSweep);
    this.#laterSweep = setTimeout(() => this.#beginSweep('waiting'), REGISTERED_WITHIN_MS).unref();
  }

  /** Looks up one batch soon: an update of it was dropped. */
  soon(batchId: BatchId): void {
    if (this.#missed.size < MAX_MISSED) this.#missed.add(batchId);
    else this.#beginSweep('all');
    this.#wake();
  }

  /** Looks up batches now. Fulfilled after one attempt at each; those that failed are tried again later. */
  async now(batchIds: readonly BatchId[]): Promise<void> {
    await Promise.all(
      batchIds.map((batchId) =>
        this.#lookUp(batchId).catch((error: unknown) => {
          this.deps.logger.warn({ err: error }, 'the gateway failed to look up a batch and tries again');
          this.soon(batchId);
        }),
      ),
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#laterSweep);
    clearInterval(this.#stalledSweeps);
    await this.#working;
  }

  #beginSweep(status: SweptStatus): void {
    const sweep = this.#sweeps.get(status);
    if (sweep === undefined)
      this.#sweeps.set(status, {
        status,
        since: null,
        read: [],
        after: null,
        isAllRead: false,
        isRepeated: false,
      });
    else if (sweep.since !== null) sweep.isRepeated = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#closing.signal.aborted) return;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#sweeps.size > 0 || this.#missed.size > 0) this.#wake();
    });
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing;
    await pauseUnlessAborted(Math.random() * this.deps.spreadMs, signal);
    for (let failures = 0; !signal.aborted; ) {
      const [sweep] = this.#sweeps.values();
      if (sweep === undefined && this.#missed.size === 0) return;
      try {
        await (sweep === undefined ? this.#lookUpMissed() : this.#advance(sweep));
        failures = 0;
      } catch (error) {
        if (failures === 0)
          this.deps.logger.warn({ err: error }, 'the gateway failed to look up batches and tries again');
        await pauseUnlessAborted(backoff(failures++, REDIS_BACKOFF), signal);
      }
    }
  }

  /** Looks up the next slice of a sweep. */
  async #advance(sweep: Sweep): Promise<void> {
    sweep.since ??= await this.deps.claims.now();
    if (sweep.read.length === 0 && !sweep.isAllRead) await this.#readNext(sweep);
    const failed = await this.#lookUpUnclaimed(sweep.read.slice(0, SLICE), sweep.since);
    for (const batchId of failed) this.soon(batchId);
    sweep.read = sweep.read.slice(SLICE);
    if (sweep.read.length > 0 || !sweep.isAllRead) return;
    // A repeated sweep comes after the other sweeps, so that each of them gets its turn.
    this.#sweeps.delete(sweep.status);
    if (sweep.isRepeated) this.#beginSweep(sweep.status);
  }

  async #readNext(sweep: Sweep): Promise<void> {
    const { batches, next }: IncompleteBatches = await this.deps.updates.incompleteBatches({
      limit: READ_AT_ONCE,
      after: sweep.after,
    });
    const wanted = batches.filter(({ status }) => sweep.status === 'all' || status === sweep.status);
    sweep.read = wanted.map(({ batchId }) => batchId);
    sweep.after = next;
    sweep.isAllRead = next === null;
  }

  async #lookUpMissed(): Promise<void> {
    const since = await this.deps.claims.now();
    const batchIds = [...this.#missed].slice(0, SLICE);
    // Deleted first: an update that is dropped during the look-up has to add its batch again.
    for (const batchId of batchIds) this.#missed.delete(batchId);
    try {
      const failed = await this.#lookUpUnclaimed(batchIds, since);
      for (const batchId of failed) this.#missed.add(batchId);
    } catch (error) {
      for (const batchId of batchIds) this.#missed.add(batchId);
      throw error;
    }
  }

  /** Returns those that failed. @throws Fault('unavailable') where all did */
  async #lookUpUnclaimed(batchIds: readonly BatchId[], since: number): Promise<BatchId[]> {
    const { claimed, unanswered } = await this.deps.claims.claim(batchIds, since);
    const outcomes = await Promise.allSettled(claimed.map((batchId) => this.#lookUp(batchId)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined && outcomes.every(({ status }) => status === 'rejected')) throw failed.reason;
    return [...unanswered, ...claimed.filter((_, index) => outcomes[index]?.status === 'rejected')];
  }

  /** One gateway does it in each period. */
  async #sweepStalled(): Promise<void> {
    if (await this.deps.claims.claimStalled(this.deps.stalledEveryMs)) this.#beginSweep('stalled');
  }
}
