import { Redis } from 'ioredis';
import { backoff } from './backoff.js';

/** Where Redis is, or what makes a connection of a name to it. */
export type RedisSource = string | ((name: string) => Redis);

/** What is silent for longer has failed. */
export const DEFAULT_TIMEOUT_MS = 3_000;

/** Makes the connections of a source, by their names. */
export const connector = (source: RedisSource, timeoutMs: number): ((name: string) => Redis) =>
  typeof source === 'string' ? (name) => createClient(source, { name, timeoutMs }) : source;

export interface ClientOptions {
  /** Names the connection in `CLIENT LIST`. */
  readonly name: string;
  /** A command, or a connection with commands on it, that is silent for this long is given up. */
  readonly timeoutMs: number;
}

/**
 * A client that connects when it is first used, comes back for ever, and queues nothing while it is away: whoever has a
 * command then is told at once, and knows better than a queue whether it still makes sense later.
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
    // The client would do it without anybody to catch a failure, and without saying when it is done.
    autoResubscribe: false,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // A server that hangs keeps its connections open: given up, they fail at once instead of one timeout after the other.
    socketTimeout: timeoutMs,
    disconnectTimeout: Math.min(timeoutMs, 1_000),
    retryStrategy: backoff,
    // A primary that has become a replica refuses to write: the address may lead to the new primary by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
}
