import { createHash } from 'node:crypto';
import type { Connection } from '../../redis/connection.js';
import { claimKey } from './redis-names.js';

export interface ClaimsOptions {
  readonly prefix: string;
  /** How long a message is remembered: longer than any gateway lags behind another. */
  readonly ttlMs: number;
  /** Who claims; no other gateway has this name. */
  readonly owner: string;
}

/** Each message reaches every gateway: the first to claim it handles it, and the others need not even parse it. */
export class Claims {
  /** How often each message was heard of late, by its hash; the oldest first. */
  readonly #heard = new Map<string, { times: number; until: number }>();

  constructor(
    private readonly connection: Connection<unknown>,
    private readonly options: ClaimsOptions,
  ) {}

  /**
   * Names a message that has just been heard. The same bytes published again are another message: all gateways that hear
   * both count alike.
   */
  nameOf(message: Uint8Array): string {
    const now = Date.now();
    for (const [oldest, { until }] of this.#heard) {
      if (until > now) break;
      this.#heard.delete(oldest);
    }
    const hash = hashOf(message);
    const times = (this.#heard.get(hash)?.times ?? 0) + 1;
    this.#heard.delete(hash);
    this.#heard.set(hash, { times, until: now + this.options.ttlMs });
    return times === 1 ? hash : `${hash}.${times}`;
  }

  /**
   * Which of the messages are for this gateway to handle. `again`: they were asked for before, and the answer was lost.
   * @throws Fault('unavailable')
   */
  claim(names: readonly string[], again: boolean): Promise<boolean[]> {
    const { prefix, ttlMs, owner } = this.options;
    return this.connection.run(async (redis) => {
      const keys = names.map((name) => claimKey(prefix, name));
      const claims = keys.map((key) => redis.set(key, owner, 'PX', ttlMs, 'NX'));
      const owners = again ? keys.map((key) => redis.get(key)) : [];
      const [claimed, claimants] = await Promise.all([Promise.all(claims), Promise.all(owners)]);
      return claimed.map((answer, index) => answer !== null || claimants[index] === owner);
    });
  }
}

const hashOf = (message: Uint8Array): string => createHash('sha256').update(message).digest('base64url');
