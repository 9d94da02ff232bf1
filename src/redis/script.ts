/** A Lua script, which Redis runs as one atomic step. It is sent by its hash, and in full to a server that does not know it. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { refusalOf } from './refusals.js';

export class Script {
  readonly #sha: string;

  constructor(private readonly lua: string) {
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#run((command, all) => redis.call(command, all), keys, args);
  }

  /** The same, with the texts of the answer as bytes. */
  runBuffer(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#run((command, all) => redis.callBuffer(command, all), keys, args);
  }

  async #run(
    call: (command: string, args: (string | number)[]) => Promise<unknown>,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    try {
      return await call('evalsha', [this.#sha, ...rest]);
    } catch (error) {
      if (refusalOf(error).code !== 'NOSCRIPT') throw error;
      return call('eval', [this.lua, ...rest]);
    }
  }
}
