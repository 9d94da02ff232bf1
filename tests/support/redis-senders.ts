import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Wire } from './flood.js';
import { plainClient } from './redis-server.js';

export const CHANNEL = 'email_validation_results';
export const STREAM = 'email_validation_results:stream';

const AGAIN_MS = 20;
const PATIENCE_MS = 60_000;

/** The validator's side of Redis. It tries again while Redis is away, so that a message may be sent more than once. */
export function wiresOn(url: string): Readonly<Record<'pubsub' | 'stream', Wire>> {
  const redis = plainClient(url);
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
    // The key first: what is missed of the channel can be looked up there.
    pubsub: (news) =>
      patiently(async () => {
        const text = JSON.stringify(news);
        await redis.set(`validation_results:${news.batchId}`, text);
        await redis.publish(CHANNEL, text);
      }),
    stream: (news) => patiently(() => redis.xadd(STREAM, '*', 'data', JSON.stringify(news))),
  };
}
