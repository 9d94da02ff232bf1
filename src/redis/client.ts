/** Creates the ioredis clients of a gateway, with the options that every one of them needs. */

import { Redis } from 'ioredis';
import { backoff } from '../backoff.js';
import { needsNewConnection } from './refusals.js';

/** The URL of Redis, or a function that creates a client under a connection name. */
export type RedisSource = string | ((name: string) => Redis);

/** The pauses between attempts that need Redis. */
export const REDIS_BACKOFF = { firstMs: 25, maxMs: 2_000 };

/** A command that is not answered within this time has failed. */
export const DEFAULT_TIMEOUT_MS = 3_000;

/** The function that creates the clients of a source, each under a connection name. */
export const connector = (source: RedisSource, timeoutMs: number): ((name: string) => Redis) =>
  typeof source === 'string' ? (name) => createClient(source, { name, timeoutMs }) : source;

export interface ClientOptions {
  /** Names the connection in `CLIENT LIST`. */
  readonly name: string;
  /** A command without an answer, or a connection that is silent while commands wait, fails after this time. */
  readonly timeoutMs: number;
}

/**
 * A client that connects when it is first used, reconnects for ever, and queues nothing while it is disconnected: a command
 * then fails at once, and its caller decides whether it still makes sense later.
 */
export function createClient(url: string, { name, timeoutMs }: ClientOptions): Redis {
  return new Redis(url, {
    lazyConnect: true,
    connectionName: name,
    // Nothing here needs the newer protocol, and servers and proxies that do not speak it need no second attempt.
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // The client would not report a failed resubscription, nor when it is done.
    autoResubscribe: false,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // A server that hangs keeps its connections open. Closing them lets all commands fail at once, not one timeout after another.
    socketTimeout: timeoutMs,
    disconnectTimeout: Math.min(timeoutMs, 1_000),
    retryStrategy: (attempts) => backoff(attempts, REDIS_BACKOFF),
    // A primary that has become a replica refuses writes; by now the address may lead to the new primary.
    reconnectOnError: needsNewConnection,
  });
}
