import type { ClusterEnv } from './cluster.js';
import { type GatewayProcess, spawnGateway } from './gateway.js';
import { describeWithOwnMongo, MongoServer } from './mongo-server.js';
import { describeWithOwnRedis, type RedisServer, randomPrefix, type ServerOptions } from './redis-server.js';
import { onTeardown } from './teardown.js';

/** A MongoDB and a Redis that a test may do to what it likes. */
export interface OwnServers {
  readonly mongo: MongoServer;
  readonly redis: RedisServer;
  readonly env: ClusterEnv;
}

/** Tests that kill, stop or starve what the gateways stand on. */
export function describeWithOwnServers(
  name: string,
  tests: (start: (options?: ServerOptions) => Promise<OwnServers>) => void,
): void {
  describeWithOwnMongo(name, () =>
    describeWithOwnRedis('on servers of their own', (startRedis) =>
      tests(async (options) => {
        const [mongo, redis] = await Promise.all([MongoServer.start(), startRedis(options)]);
        onTeardown(() => mongo.stop());
        const env = { MONGODB_URI: mongo.newUri(), REDIS_URL: redis.url, KEY_PREFIX: randomPrefix() };
        return { mongo, redis, env };
      }),
    ),
  );
}

/** So many gateways on the same state, each a process of its own. */
export const spawnGateways = (count: number, env: NodeJS.ProcessEnv): Promise<GatewayProcess[]> =>
  Promise.all(Array.from({ length: count }, () => spawnGateway(env)));
