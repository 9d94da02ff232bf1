import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { createClient } from '../../src/redis/client.js';
import { Connection } from '../../src/redis/connection.js';
import { plainClient } from './redis-server.js';
import type { Send } from './simulated-workers.js';
import { onTeardown } from './teardown.js';

export const CHANNEL = 'email_validation_results';
export const STREAM = 'email_validation_results:stream';

const AGAIN_MS = 20;
const TIMEOUT_MS = 2_000;
/** Longer than a failover may take. */
const PATIENCE_MS = 150_000;

/**
 * Publishes on Redis as the validator does. It retries while Redis is away, so a message may be sent more than once.
 */
export function redisSenders(url: string): Readonly<Record<'pubsub' | 'stream', Send>> {
  const run = runnerOf(url);
  const patiently = async (send: Command) => {
    for (const end = performance.now() + PATIENCE_MS; ; ) {
      try {
        await run(send);
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
        await pause(AGAIN_MS);
      }
    }
  };
  return {
    // The key first: a gateway that misses the message finds the update there.
    pubsub: (update) =>
      patiently(async (redis) => {
        const text = JSON.stringify(update);
        await redis.set(`validation_results:${update.batchId}`, text);
        await redis.publish(CHANNEL, text);
      }),
    stream: (update) => patiently((redis) => redis.xadd(STREAM, '*', 'data', JSON.stringify(update))),
  };
}

type Command = (redis: Redis) => Promise<unknown>;

/** Runs commands at one server, at the primary that sentinels name, or in a cluster. */
function runnerOf(url: string): (command: Command) => Promise<unknown> {
  if (url.startsWith('redis://')) {
    const client = plainClient(url);
    return (command) => command(client);
  }
  // A bare client of sentinels may give up for good in a failover (see `Connection`).
  const connection = new Connection(createClient(url, { name: 'producer', timeoutMs: TIMEOUT_MS }), {
    name: 'producer',
    heartbeatMs: TIMEOUT_MS,
    onConnect: async () => undefined,
    warn: () => undefined,
  });
  onTeardown(() => connection.close());
  return (command) => connection.run(command);
}
