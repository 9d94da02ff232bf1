import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { createClient } from '../../src/redis/client.js';
import { plainClient } from './redis-server.js';
import type { Send } from './simulated-workers.js';
import { onTeardown } from './teardown.js';

export const CHANNEL = 'email_validation_results';
export const STREAM = 'email_validation_results:stream';

const AGAIN_MS = 20;
/** Longer than a failover may take. */
const PATIENCE_MS = 150_000;

/**
 * Publishes on Redis as the validator does. It retries while Redis is away, so a message may be sent more than once.
 */
export function redisSenders(url: string): Readonly<Record<'pubsub' | 'stream', Send>> {
  const redis = clientOf(url);
  const patiently = async (send: (redis: Redis) => Promise<unknown>) => {
    for (const end = performance.now() + PATIENCE_MS; ; ) {
      try {
        await send(redis);
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
      patiently(async () => {
        const text = JSON.stringify(update);
        await redis.set(`validation_results:${update.batchId}`, text);
        await redis.publish(CHANNEL, text);
      }),
    stream: (update) => patiently(() => redis.xadd(STREAM, '*', 'data', JSON.stringify(update))),
  };
}

/** Of one server, of the primary that sentinels name, or of a cluster. */
function clientOf(url: string): Redis {
  if (url.startsWith('redis://')) return plainClient(url);
  const client = createClient(url, { name: 'producer', timeoutMs: 2_000 });
  client.on('error', () => undefined);
  client.connect().catch(() => undefined);
  onTeardown(() => client.disconnect());
  return client;
}
