/** Gateways of one cluster, on shared database servers or on servers that the test may kill. */
import { afterAll, beforeAll } from '@jest/globals';
import type { Gateway } from '../../src/gateway.js';
import { type GatewayProcess, spawnGateway, startTestGateway } from './gateway.js';
import {
  type Databases,
  describeWithMongo,
  describeWithOwnMongo,
  MongoServer,
  openMongo,
} from './mongo-server.js';
import {
  describeOnRedis,
  describeWithOwnRedis,
  type RedisServer,
  randomPrefix,
  type ServerOptions,
} from './redis-server.js';
import { onTeardown } from './teardown.js';

/** The settings that gateways of one cluster share: database, Redis and key prefix. */
export type ClusterEnv = Readonly<
  Record<'MONGODB_URI' | 'REDIS_URL' | 'KEY_PREFIX' | 'SOCKET_IO_KEY', string>
>;

/** Keys and channels that no other gateways use. */
export const ownNames = () => ({ KEY_PREFIX: randomPrefix(), SOCKET_IO_KEY: randomPrefix() });

/** Tests on a shared MongoDB and Redis that they must not stop or change. Each call of `env` names state of its own. */
export function describeCluster(name: string, tests: (env: () => ClusterEnv) => void): void {
  describeWithMongo(name, () => {
    let mongo: Databases | undefined;
    beforeAll(async () => {
      mongo = await openMongo();
    });
    afterAll(() => mongo?.stop());
    describeOnRedis('on Redis', (redis) =>
      tests(() => ({ MONGODB_URI: mongo?.newUri() ?? '', REDIS_URL: redis(), ...ownNames() })),
    );
  });
}

/** This many gateways on the same state, in this process. */
export const startGateways = (count: number, env: NodeJS.ProcessEnv): Promise<Gateway[]> =>
  Promise.all(Array.from({ length: count }, () => startTestGateway(env)));

/** A MongoDB and a Redis of the test's own. */
export interface OwnServers {
  readonly mongo: MongoServer;
  readonly redis: RedisServer;
  readonly env: ClusterEnv;
}

/** Tests that kill, stop or starve the servers that gateways depend on. */
export function describeWithOwnServers(
  name: string,
  tests: (start: (options?: ServerOptions) => Promise<OwnServers>) => void,
): void {
  describeWithOwnMongo(name, () =>
    describeWithOwnRedis('on servers of their own', (startRedis) =>
      tests(async (options) => {
        const [mongo, redis] = await Promise.all([MongoServer.start(), startRedis(options)]);
        onTeardown(() => mongo.stop());
        const env = { MONGODB_URI: mongo.newUri(), REDIS_URL: redis.url, ...ownNames() };
        return { mongo, redis, env };
      }),
    ),
  );
}

/** This many gateways on the same state, each in a process of its own. */
export const spawnGateways = (count: number, env: NodeJS.ProcessEnv): Promise<GatewayProcess[]> =>
  Promise.all(Array.from({ length: count }, () => spawnGateway(env)));
