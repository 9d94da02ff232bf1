/** Decides in Redis which of several gateways handles a Pub/Sub message or looks up a batch. */

import { createHash } from 'node:crypto';
import type { BatchId } from '../../domain/id.js';
import { askEachNode } from '../../redis/client.js';
import type { Connection } from '../../redis/connection.js';
import { Script } from '../../redis/script.js';

interface ClaimsOptions {
  readonly prefix: string;
  /** How long a message is remembered: longer than any gateway lags behind another. */
  readonly ttlMs: number;
  /** The name of this gateway; no other gateway has it. */
  readonly owner: string;
}

/** Each message reaches every gateway. The first to claim it handles it; the others skip it without parsing it. */
export class MessageClaims {
  /** How often each message was received recently, by its hash; the oldest first. */
  readonly #received = new Map<string, { times: number; until: number }>();

  constructor(
    private readonly connection: Connection<unknown>,
    private readonly options: ClaimsOptions,
  ) {}

  /**
   * Names a message that has just been received. The same bytes published again are another message, and get the same
   * other name at every gateway that has received both.
   */
  nextClaimKey(message: Uint8Array): string {
    const now = performance.now();
    for (const [oldest, { until }] of this.#received) {
      if (until > now) break;
      this.#received.delete(oldest);
    }
    const hash = createHash('sha256').update(message).digest('base64url');
    const times = (this.#received.get(hash)?.times ?? 0) + 1;
    this.#received.delete(hash);
    this.#received.set(hash, { times, until: now + this.options.ttlMs });
    return times === 1 ? hash : `${hash}.${times}`;
  }

  /**
   * Whether this gateway has to handle the message. `isRetry`: it may be claimed already by an attempt without an answer.
   * @throws Fault('unavailable')
   */
  claim(name: string, isRetry: boolean): Promise<boolean> {
    const { prefix, ttlMs, owner } = this.options;
    const key = `${prefix}claim:${name}`;
    return this.connection.run(async (redis) => {
      const claim = redis.set(key, owner, 'PX', ttlMs, 'NX');
      const [answer, claimant] = await Promise.all([claim, isRetry ? redis.get(key) : null]);
      return answer !== null || claimant === owner;
    });
  }
}

/** How long a look-up of a batch is remembered. */
const LOOK_UP_TTL_MS = 60_000;

/**
 * Times are microseconds of the Redis server, `ttl` is in milliseconds. 1: the look-up is this gateway's; 0: another gateway
 * began one at `since` or later, which sees everything that was written before `since`.
 */
const CLAIM_LOOK_UP = new Script(`
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

interface LookUpClaim {
  readonly claimed: readonly BatchId[];
  readonly unanswered: readonly BatchId[];
}

/** Gateways that look up the same batches share the work. */
export class LookUpClaims {
  constructor(
    private readonly connection: Connection<unknown>,
    private readonly options: Omit<ClaimsOptions, 'ttlMs'>,
  ) {}

  /**
   * The batches that no other gateway has looked up since a time of the server, and those whose shard gave no answer.
   * @throws Fault('unavailable') where no claim had an answer
   */
  async claim(batchIds: readonly BatchId[], since: number): Promise<LookUpClaim> {
    const { prefix, owner } = this.options;
    const claimOne = (batchId: BatchId) =>
      this.connection.run((redis) =>
        CLAIM_LOOK_UP.run(redis, [`${prefix}look-up:${batchId}`], [since, owner, LOOK_UP_TTL_MS]),
      );
    const answers = await Promise.allSettled(batchIds.map(claimOne));
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined && answers.every(({ status }) => status === 'rejected')) throw failed.reason;
    return {
      claimed: batchIds.filter((_, i) => answers[i]?.status === 'fulfilled' && answers[i].value === 1),
      unanswered: batchIds.filter((_, i) => answers[i]?.status === 'rejected'),
    };
  }

  /** Whether this gateway is the one that looks up the stalled batches in this period. */
  async claimStalled(periodMs: number): Promise<boolean> {
    const { prefix, owner } = this.options;
    const ttlMs = Math.max(1, Math.floor(periodMs * 0.9));
    // No batch id is empty, so this is no batch's key.
    const key = `${prefix}look-up:`;
    const answer = this.connection.run((redis) => redis.set(key, owner, 'PX', ttlMs, 'NX'));
    return (await answer.catch(() => null)) !== null;
  }

  /** The server's time in microseconds; in a cluster the latest: no node's look-up from before counts. @throws Fault('unavailable') */
  now(): Promise<number> {
    return this.connection.run(async (redis) => {
      const times = await askEachNode(redis, (node) => node.time());
      return Math.max(
        ...times.map(([seconds, microseconds]) => Number(seconds) * 1_000_000 + Number(microseconds)),
      );
    });
  }
}
