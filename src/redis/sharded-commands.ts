/** The commands of sharded Pub/Sub, as subscriptions need them. */

import type { Redis } from 'ioredis';
import { refusalOf } from './refusals.js';
import type { SubscribeCommands } from './subscriptions.js';

/** What the client knows of the server's side; it does not tell which of them the server has ended. */
export function isSubscribedOn({ condition }: Redis): (channel: string) => boolean {
  const { subscriber } = (condition ?? {}) as { subscriber?: false | { channels(kind: string): string[] } };
  const channels = new Set(
    subscriber ? ['ssubscribe', 'subscribe'].flatMap((kind) => subscriber.channels(kind)) : [],
  );
  return (channel) => channels.has(channel);
}

export const isMoved = (error: unknown): boolean => refusalOf(error).code === 'MOVED';

/** A server older than Redis 7 has ordinary channels only, and publishes on those, see the scripts of the feed. */
const isUnknownCommand = (error: unknown): boolean =>
  error instanceof Error && /unknown command/i.test(error.message);

export const SHARDED: SubscribeCommands = {
  messageEvents: ['smessage', 'message'],
  async subscribe(redis, channels) {
    // One command for each: those of several slots may not stand in one.
    const outcomes = await Promise.allSettled(
      channels.map((channel) =>
        redis.ssubscribe(channel).catch((error: unknown) => {
          if (!isUnknownCommand(error)) throw error;
          return redis.subscribe(channel);
        }),
      ),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected' && !isMoved(outcome.reason));
    if (failed?.status === 'rejected') throw failed.reason;
    // The server may have ended a subscription right after its answer: both are read before anything here runs.
    const isSubscribed = isSubscribedOn(redis);
    return channels.filter(
      (channel, index) => outcomes[index]?.status === 'fulfilled' && isSubscribed(channel),
    );
  },
  unsubscribe: (redis, channel) =>
    redis.sunsubscribe(channel).catch((error: unknown) => {
      if (!isUnknownCommand(error)) throw error;
      return redis.unsubscribe(channel);
    }),
};
