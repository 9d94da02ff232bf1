/** A Lua script, which Redis runs as one atomic step. It is sent by its hash, and in full to a server that does not know it. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { refusalOf } from './refusals.js';

export class Script {
  readonly #sha: string;

  constructor(private readonly lua: string) {
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    try {
      return await redis.call('evalsha', [this.#sha, ...rest]);
    } catch (error) {
      if (refusalOf(error).code !== 'NOSCRIPT') throw error;
      return redis.call('eval', [this.lua, ...rest]);
    }
  }
}
