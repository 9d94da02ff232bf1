/** Counts the commands that a gateway sends to Redis, and those that its scripts call, with `MONITOR`. */

import { Redis } from 'ioredis';

/** A blocking read takes up to 64 entries of the stream, and is repeated while there are none. */
const WAITS = 'xreadgroup';

export interface RedisCommands {
  /** Commands of the gateway, each as its name and its first argument. */
  readonly sent: string[];
  /** Commands that its scripts have called. */
  readonly inScripts: string[];
}

export class RedisCounter {
  #commands: RedisCommands = { sent: [], inScripts: [] };

  private constructor(
    private readonly monitor: Redis,
    /** Addresses of clients that are not the gateway. */
    private readonly others: ReadonlySet<string>,
  ) {
    monitor.on('monitor', (_time: string, args: string[], source: string) => this.#count(args, source));
  }

  static async of(url: string, others: readonly Redis[]): Promise<RedisCounter> {
    const addresses = await Promise.all(others.map(addressOf));
    const redis = new Redis(url);
    const monitor = await redis.monitor();
    redis.disconnect();
    return new RedisCounter(monitor, new Set(addresses));
  }

  /** The commands since the last call. */
  take(): RedisCommands {
    const commands = this.#commands;
    this.#commands = { sent: [], inScripts: [] };
    return commands;
  }

  close(): void {
    this.monitor.disconnect();
  }

  #count([name = '', first = '']: string[], source: string): void {
    const command = name.toLowerCase();
    if (command === WAITS || this.others.has(source)) return;
    const isScript = source === 'lua';
    const signature = `${command} ${first}`;
    (isScript ? this.#commands.inScripts : this.#commands.sent).push(signature);
  }
}

const addressOf = async (redis: Redis): Promise<string> =>
  /\baddr=(\S+)/.exec(String(await redis.call('CLIENT', 'INFO')))?.[1] ?? '';
