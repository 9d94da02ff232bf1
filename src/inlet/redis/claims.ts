import type { Connection } from '../../redis/connection.js';
import { claimKey } from './names.js';

export interface ClaimsOptions {
  readonly prefix: string;
  /** How long a message is remembered: longer than any gateway lags behind another. */
  readonly ttlMs: number;
  /** Who claims; no other gateway has this name. */
  readonly owner: string;
}

/** Each message reaches every gateway: the first to claim it handles it, and the others need not even parse it. */
export class Claims {
  constructor(
    private readonly connection: Connection<unknown>,
    private readonly options: ClaimsOptions,
  ) {}

  /**
   * Which of the messages are for this gateway to handle. `again`: they were asked for before, and the answer was lost.
   * @throws Fault('unavailable')
   */
  claim(messages: readonly Uint8Array[], again: boolean): Promise<boolean[]> {
    const { prefix, ttlMs, owner } = this.options;
    return this.connection.run(async (redis) => {
      const keys = messages.map((message) => claimKey(prefix, message));
      const claims = keys.map((key) => redis.set(key, owner, 'PX', ttlMs, 'NX'));
      const owners = again ? keys.map((key) => redis.get(key)) : [];
      const [claimed, claimants] = await Promise.all([Promise.all(claims), Promise.all(owners)]);
      return claimed.map((answer, index) => answer !== null || claimants[index] === owner);
    });
  }
}
