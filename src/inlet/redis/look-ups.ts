import { backoff, pauseUnlessAborted } from '../../backoff.js';
import type { Logger } from '../../logger.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { limitConcurrency } from '../../redis/concurrency-limit.js';
import type { Connection } from '../../redis/connection.js';
import { Script } from '../../redis/script.js';
import type { IncompleteBatches, UpdateStore } from '../../store/store.js';
import { lookUpKey, stalledKey } from './redis-names.js';
import type { ValidatorResults } from './validator-results.js';

export interface LookUpsDeps {
  readonly connection: Connection<unknown>;
  readonly kept: ValidatorResults;
  readonly updates: Pick<UpdateStore, 'incompleteBatches'>;
  readonly prefix: string;
  readonly owner: string;
  /** Stalled batches are looked up this often: their key may come later. */
  readonly stalledEveryMs: number;
  /** A sweep begins after a part of this time, which is chance: gateways that come back as one go apart. */
  readonly spreadMs: number;
  readonly logger: Logger;
}

/** Batches claimed in one go. */
const SLICE = 200;
/** Values are large: so many are read at once, and no more. */
const VALUES_AT_ONCE = 4;
/** Remembered batches, at most; beyond it all batches are looked up. */
const MAX_REMEMBERED = 10_000;
const CLAIM_MS = 60_000;
/** Batches whose first news is lost may be registered a while after. */
const REGISTERED_WITHIN_MS = 10_000;

/**
 * Times are microseconds of the Redis server, `ttl` is in milliseconds. 1: the look-up is this gateway's; 0: another gateway
 * began one at `since` or later, which sees everything that was written before `since`.
 */
const CLAIM = new Script(`
local key, since, owner, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local last = redis.call('GET', key)
if last then
  local lastTime, lastOwner = string.match(last, '^(%d+) (.*)$')
  if tonumber(lastTime) >= tonumber(since) and lastOwner ~= owner then return 0 end
end
local seconds, microseconds = unpack(redis.call('TIME'))
local now = string.format('%.0f', seconds * 1000000 + microseconds)
redis.call('SET', key, now .. ' ' .. owner, 'PX', ttl)
return 1`);

type Which = 'all' | 'waiting' | 'stalled';

/** A sweep over the batches that have not ended: how far it is, and since when they have to have been looked up. */
interface Sweep {
  readonly which: Which;
  since: number | null;
  after: string | null;
  /** Something may have been missed after it had begun: when it is over, it begins again. */
  again: boolean;
}

/**
 * Reads what was missed from where the validator keeps the newest update of each batch. What is found is taken in like
 * any other update, and changes nothing unless it is newer.
 */
export class LookUps {
  readonly #sweeps = new Map<Which, Sweep>();
  #remembered = new Set<string>();
  #working: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #periodic: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  readonly #visit = limitConcurrency(VALUES_AT_ONCE, async (batchId: string) => {
    if (!this.#closing.signal.aborted) await this.deps.kept.takeIn(batchId);
  });

  constructor(private readonly deps: LookUpsDeps) {}

  /** From now on what is stalled is looked up from time to time. */
  start(): void {
    this.#periodic ??= setInterval(() => void this.#lookAtStalled(), this.deps.stalledEveryMs).unref();
  }

  /** Every batch that has not ended, soon: something may have been missed until now. */
  all(): void {
    this.#begin('all');
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#begin('waiting'), REGISTERED_WITHIN_MS).unref();
  }

  /** One batch, soon: a message about it was dropped. */
  remember(batchId: string): void {
    if (this.#remembered.size < MAX_REMEMBERED) this.#remembered.add(batchId);
    else this.#begin('all');
    this.#wake();
  }

  /** These batches, now. Fulfilled when all were tried; those that failed are tried again later. */
  async look(batchIds: readonly string[]): Promise<void> {
    await Promise.all(
      batchIds.map((batchId) =>
        this.#visit(batchId).catch((error: unknown) => {
          this.deps.logger.warn({ err: error }, 'a batch could not be looked up; trying again');
          this.remember(batchId);
        }),
      ),
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#later);
    clearInterval(this.#periodic);
    await this.#working;
  }

  #begin(which: Which): void {
    const sweep = this.#sweeps.get(which);
    if (sweep === undefined) this.#sweeps.set(which, { which, since: null, after: null, again: false });
    else if (sweep.since !== null) sweep.again = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#closing.signal.aborted) return;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#sweeps.size > 0 || this.#remembered.size > 0) this.#wake();
    });
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing;
    await pauseUnlessAborted(Math.random() * this.deps.spreadMs, signal);
    for (let failures = 0; !signal.aborted; ) {
      const [sweep] = this.#sweeps.values();
      if (sweep === undefined && this.#remembered.size === 0) return;
      try {
        await (sweep === undefined ? this.#lookAtRemembered() : this.#advance(sweep));
        failures = 0;
      } catch (error) {
        if (failures === 0) this.deps.logger.warn({ err: error }, 'look-ups are held up; trying again');
        await pauseUnlessAborted(backoff(failures++, REDIS_BACKOFF), signal);
      }
    }
  }

  /** The next slice of a sweep. */
  async #advance(sweep: Sweep): Promise<void> {
    sweep.since ??= await this.#now();
    const { batches, next }: IncompleteBatches = await this.deps.updates.incompleteBatches({
      limit: SLICE,
      after: sweep.after,
    });
    const wanted = batches.filter(({ status }) => sweep.which === 'all' || status === sweep.which);
    await this.#visitUnclaimed(
      wanted.map(({ batchId }) => batchId),
      sweep.since,
    );
    sweep.after = next;
    if (next !== null) return;
    // Behind the others, so that each has its turn.
    this.#sweeps.delete(sweep.which);
    if (sweep.again) this.#begin(sweep.which);
  }

  async #lookAtRemembered(): Promise<void> {
    const since = await this.#now();
    const batchIds = [...this.#remembered].slice(0, SLICE);
    // What is dropped while they are looked up has to be remembered anew.
    for (const batchId of batchIds) this.#remembered.delete(batchId);
    try {
      await this.#visitUnclaimed(batchIds, since);
    } catch (error) {
      for (const batchId of batchIds) this.#remembered.add(batchId);
      throw error;
    }
  }

  async #visitUnclaimed(batchIds: readonly string[], since: number): Promise<void> {
    const { connection, prefix, owner } = this.deps;
    const claims = await connection.run((redis) =>
      Promise.all(batchIds.map((id) => CLAIM.run(redis, [lookUpKey(prefix, id)], [since, owner, CLAIM_MS]))),
    );
    const ours = batchIds.filter((_, index) => claims[index] === 1);
    const outcomes = await Promise.allSettled(ours.map((batchId) => this.#visit(batchId)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** By one gateway in each period. */
  async #lookAtStalled(): Promise<void> {
    const { connection, prefix, owner, stalledEveryMs } = this.deps;
    const ttl = Math.max(1, Math.floor(stalledEveryMs * 0.9));
    const isOurs = connection.run((redis) => redis.set(stalledKey(prefix), owner, 'PX', ttl, 'NX'));
    if ((await isOurs.catch(() => null)) !== null) this.#begin('stalled');
  }

  #now(): Promise<number> {
    return this.deps.connection.run(async (redis) => {
      const [seconds, microseconds] = await redis.time();
      return Number(seconds) * 1_000_000 + Number(microseconds);
    });
  }
}
