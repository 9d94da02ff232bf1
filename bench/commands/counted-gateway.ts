/** A gateway on a MongoDB and a Redis of its own, with its commands to both counted. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { counted } from '../distributed/installation.js';
import { emptyDataset } from '../support/dataset.js';
import { GatewayProcess } from '../support/gateway.js';
import { Server } from '../support/servers.js';
import { MongoCounter } from './mongo-counter.js';
import { RedisCounter } from './redis-counter.js';

/** Commands that one piece of work has cost. */
export interface Cost {
  readonly mongo: number;
  readonly redis: number;
  /** Calls inside the scripts among them. */
  readonly redisCalls: number;
}

/** Nothing is flushed by the clock: only a read flushes. */
const ENV = { FLUSH_INTERVAL_MS: '60000', STALL_AFTER_MS: '600000' };
/** Longer than the gateway's periodic work, most of which comes about every second or every ten. */
const IDLE_MS = 11_000;
const PATIENCE_MS = 10_000;
/** `MONITOR` tells of a command a moment after it was answered. */
const SETTLE_MS = 50;

export class CountedGateway {
  /** What the gateway does by itself, by its commands. */
  readonly #background = new Set<string>();

  private constructor(
    readonly gateway: GatewayProcess,
    readonly producer: Redis,
    private readonly mongo: MongoCounter,
    private readonly redis: RedisCounter,
    private readonly release: () => Promise<void>,
  ) {}

  static async start(): Promise<CountedGateway> {
    const [redisServer, mongoServer] = await Promise.all([Server.redis(), Server.mongo()]);
    const mongo = await MongoCounter.before(mongoServer.url);
    const producer = new Redis(redisServer.url);
    const redis = await RedisCounter.of(redisServer.url, [producer]);
    const { directory, remove } = emptyDataset();
    const env = { REDIS_URL: redisServer.url, MONGODB_URI: mongo.url, ...ENV };
    const gateway = await GatewayProcess.start({ directory, env });
    return new CountedGateway(gateway, producer, mongo, redis, async () => {
      await gateway.stop();
      redis.close();
      producer.disconnect();
      mongo.close();
      await Promise.all([redisServer.stop(), mongoServer.stop()]);
      remove();
    });
  }

  stop(): Promise<void> {
    return this.release();
  }

  /** Learns which commands an idle gateway makes: they are left out afterwards. */
  async learnBackground(): Promise<void> {
    await this.updatesTaken();
    await sleep(IDLE_MS);
    await this.updatesTaken();
    await sleep(SETTLE_MS);
    const { sent, inScripts } = this.redis.take();
    for (const command of [...this.mongo.take(), ...sent, ...inScripts]) this.#background.add(command);
  }

  /** What some work costs; `explain` prints the commands. */
  async cost(work: () => Promise<unknown>, explain?: string): Promise<Cost> {
    await sleep(SETTLE_MS);
    this.mongo.take();
    this.redis.take();
    await work();
    await sleep(SETTLE_MS);
    const isOwn = (command: string) => !this.#background.has(command);
    const { sent, inScripts } = this.redis.take();
    const [mongo, redis, calls] = [this.mongo.take(), sent, inScripts].map((list) => list.filter(isOwn));
    if (explain !== undefined)
      process.stderr.write(
        `${explain}: MongoDB ${told(mongo)}; Redis ${told(redis)}; in scripts ${told(calls)}\n`,
      );
    return { mongo: mongo?.length ?? 0, redis: redis?.length ?? 0, redisCalls: calls?.length ?? 0 };
  }

  updatesTaken(): Promise<number> {
    return counted(this.gateway, 'verigate_updates_total');
  }

  /** Fulfilled when so many updates were taken in since the gateway started. */
  async taken(count: number): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(10))
      if ((await this.updatesTaken()) >= count) return;
    throw new Error(`the gateway has taken in ${await this.updatesTaken()} of ${count} updates`);
  }
}

/** Each command with how often it was made. */
function told(commands: readonly string[] = []): string {
  const counts = new Map<string, number>();
  for (const command of commands) counts.set(command, (counts.get(command) ?? 0) + 1);
  return [...counts].map(([command, count]) => `${count} × ${command}`).join(', ') || 'nothing';
}
