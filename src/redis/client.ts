/** Creates the ioredis clients of a gateway, for each topology, with the options that every one of them needs. */

import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { backoff } from '../waiting.js';
import { type HostPort, parseAddress, type RedisAddress } from './address.js';
import { needsNewConnection } from './refusals.js';

/** The address of Redis (see `address.ts`), or a function that creates a client under a connection name. */
export type RedisSource = string | ((name: string, purpose: Purpose) => Redis);

/** `subscriber`: for ordinary Pub/Sub. In a cluster that is a connection to any one node: each gets every message. */
export type Purpose = 'commands' | 'subscriber';

/** The pauses between attempts that need Redis. */
export const REDIS_BACKOFF = { firstMs: 25, maxMs: 2_000 };

/** A command that is not answered within this time has failed. */
export const DEFAULT_TIMEOUT_MS = 3_000;

/** The function that creates the clients of a source, each under a connection name. */
export const connector = (source: RedisSource, timeoutMs: number) =>
  typeof source === 'string'
    ? (name: string, purpose: Purpose = 'commands') => createClient(source, { name, timeoutMs, purpose })
    : (name: string, purpose: Purpose = 'commands') => source(name, purpose);

/** The function that creates a client of one node of a cluster. @throws where the source is a function */
export function nodeConnector(source: RedisSource, timeoutMs: number) {
  if (typeof source !== 'string') throw new Error('only an address names the nodes of a cluster');
  const address = parseAddress(source);
  return (name: string, node: HostPort): Redis =>
    new Redis({ ...commonOptions(address, { name, timeoutMs }), ...node, lazyConnect: true, retryStrategy });
}

export const isCluster = (source: RedisSource): boolean =>
  typeof source === 'string' && parseAddress(source).topology === 'cluster';

const nodesOf = (redis: Redis): Redis[] => {
  const client: Redis | Cluster = redis as Redis | Cluster;
  return client instanceof Cluster ? client.nodes('all') : [redis];
};

/** Asks every server behind a client, and returns the answers that came. @throws the reason where there are none */
export const askEachNode = <T>(redis: Redis, ask: (node: Redis) => Promise<T>): Promise<T[]> =>
  answersThatCame(nodesOf(redis).map((node) => ask(node)));

/** @throws the first reason where no answer came */
export async function answersThatCame<T>(asked: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(asked);
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (answers.length > 0) return answers;
  throw outcomes.find((outcome) => outcome.status === 'rejected')?.reason ?? new Error('no node is known');
}

/** The answer of the server behind a client that answers first. @throws the reason where none does */
export async function askAnyNode<T>(redis: Redis, ask: (node: Redis) => Promise<T>): Promise<T> {
  try {
    return await Promise.any(nodesOf(redis).map((node) => ask(node)));
  } catch (error) {
    throw error instanceof AggregateError ? (error.errors[0] ?? new Error('no node is known')) : error;
  }
}

interface ClientOptions {
  /** Names the connection in `CLIENT LIST`. */
  readonly name: string;
  /** A command without an answer, or a connection that is silent while commands wait, fails after this time. */
  readonly timeoutMs: number;
  readonly purpose?: Purpose;
}

const retryStrategy = (attempts: number): number => backoff(attempts, REDIS_BACKOFF);

/**
 * A client that connects when it is first used, reconnects for ever, and queues nothing while it is disconnected: a command
 * then fails at once, and its caller decides whether it still makes sense later.
 * @throws AddressError
 */
export function createClient(url: string, options: ClientOptions): Redis {
  const address = parseAddress(url);
  const common = { ...commonOptions(address, options), lazyConnect: true };
  switch (address.topology) {
    case 'single':
      return new Redis({ ...common, ...address.server, db: address.database, retryStrategy });
    case 'sentinel':
      return new Redis({ ...common, ...sentinelOptions(address, options.timeoutMs), retryStrategy });
    case 'cluster':
      return options.purpose === 'subscriber'
        ? clientOfAnyNode(address.nodes, common)
        : clusterClient(address, options);
  }
}

const commonOptions = (address: RedisAddress, { name, timeoutMs }: ClientOptions) =>
  ({
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
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
    // A primary that has become a replica refuses writes; by now the address may lead to the new primary.
    reconnectOnError: needsNewConnection,
  }) satisfies RedisOptions;

type Of<T extends RedisAddress['topology']> = Extract<RedisAddress, { topology: T }>;

/** The client asks the sentinels for the primary at each attempt to connect, and checks that it is one. */
const sentinelOptions = ({ sentinels, name, database, tls }: Of<'sentinel'>, timeoutMs: number) =>
  ({
    sentinels: [...sentinels],
    name,
    db: database,
    role: 'master' as const,
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    sentinelCommandTimeout: timeoutMs,
    sentinelRetryStrategy: retryStrategy,
    // The sentinels say when there is a new primary: an old one that hangs is left at once.
    failoverDetector: true,
  }) satisfies RedisOptions;

/** It has the commands and events of a client of one server, as far as the gateway uses them. */
function clusterClient(address: Of<'cluster'>, options: ClientOptions): Redis {
  const cluster = new Cluster([...address.nodes], {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    // After a node was lost its files are served again as soon as the cluster has agreed on another one.
    slotsRefreshInterval: 5_000,
    slotsRefreshTimeout: options.timeoutMs,
    redisOptions: commonOptions(address, options),
    // With TLS, certificates name hosts; without it a name is resolved by the system as always.
    ...(address.tls ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
  });
  return cluster as unknown as Redis;
}

/** Tries the nodes in turn, beginning with a random one: gateways spread their subscriptions. */
function clientOfAnyNode(nodes: readonly HostPort[], common: ReturnType<typeof commonOptions>): Redis {
  const first = Math.floor(Math.random() * nodes.length);
  const nodeAt = (attempt: number) => nodes[(first + attempt) % nodes.length];
  const redis: Redis = new Redis({
    ...common,
    lazyConnect: true,
    ...nodeAt(0),
    retryStrategy: (attempts) => {
      Object.assign(redis.options, nodeAt(attempts));
      return retryStrategy(attempts);
    },
  });
  return redis;
}
