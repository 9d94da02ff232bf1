/** Socket.IO's Redis adapter, for messages about sockets between the gateways. Files' events never go through it (ADR 27). */

import { RedisAdapter } from '@socket.io/redis-adapter';
import type { Namespace, ServerOptions } from 'socket.io';
import { connector, DEFAULT_TIMEOUT_MS, type RedisSource } from '../redis/client.js';
import type { NeededRight } from '../redis/rights.js';
import { AdapterBus } from './adapter-bus.js';
import { messageFilter } from './message-filters.js';

interface SocketAdapterOptions {
  readonly redis: RedisSource;
  /** Begins the names of the channels: the option `key` of `@socket.io/redis-adapter` and `@socket.io/redis-emitter`. */
  readonly key: string;
  /** How long a gateway waits for the answers of the others. */
  readonly answerMs?: number;
  /** A command that is not answered within this time has failed. */
  readonly timeoutMs?: number;
  readonly warn: (message: string) => void;
}

export interface SocketAdapter {
  /** The option `adapter` of a Socket.IO server. */
  readonly create: NonNullable<ServerOptions['adapter']>;
  /** Looks at both connections, and whether Redis allows what they are for. @throws Fault with the refusal */
  probe(): Promise<void>;
  /** Releases every connection; calling it twice is a no-op. */
  close(): Promise<void>;
}

const ANSWER_MS = 2_000;

/** Two connections: one for commands, one for subscriptions. Redis need not be there: connecting goes on in the background. */
export function openRedisAdapter(options: SocketAdapterOptions): SocketAdapter {
  const { redis, key, timeoutMs = DEFAULT_TIMEOUT_MS, answerMs = ANSWER_MS, warn } = options;
  const bus = new AdapterBus(connector(redis, timeoutMs), { timeoutMs, warn });
  return {
    // Socket.IO calls a function that is no class like one.
    create: function (this: unknown, namespace: Namespace) {
      const adapter = new RedisAdapter(namespace, bus, bus, { key, requestsTimeout: answerMs });
      bus.filter(messageFilter(key, (message) => adapter.parser.decode(message)));
      return adapter;
    } as unknown as SocketAdapter['create'],
    probe: () => bus.probe(neededRights(key)),
    close: () => bus.close(),
  };
}

/** On the channels of the namespace `/`, the only one. */
const neededRights = (key: string): NeededRight[] => [
  ['PSUBSCRIBE', `${key}#/#*`],
  ...[`${key}-request#/#`, `${key}-response#/#`].flatMap((channel) => [
    ['SUBSCRIBE', channel],
    ['PUBLISH', channel, ''],
  ]),
  ['PUBLISH', `${key}#/#`, ''],
];
