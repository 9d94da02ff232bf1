import { afterAll, beforeAll } from '@jest/globals';
import type { Gateway } from '../../src/gateway.js';
import { startTestGateway } from './gateway.js';
import { type Databases, describeWithMongo, openMongo } from './mongo-server.js';
import { describeOnRedis, randomPrefix } from './redis-server.js';

/** Settings of gateways that belong together: one database, one Redis, one prefix. */
export type ClusterEnv = Readonly<Record<'MONGODB_URI' | 'REDIS_URL' | 'KEY_PREFIX', string>>;

/** Tests on a MongoDB and a Redis that they leave as they are; each call of `env` names state that nobody else has. */
export function describeCluster(name: string, tests: (env: () => ClusterEnv) => void): void {
  describeWithMongo(name, () => {
    let mongo: Databases | undefined;
    beforeAll(async () => {
      mongo = await openMongo();
    });
    afterAll(() => mongo?.stop());
    describeOnRedis('on Redis', (redis) =>
      tests(() => ({ MONGODB_URI: mongo?.newUri() ?? '', REDIS_URL: redis(), KEY_PREFIX: randomPrefix() })),
    );
  });
}

/** So many gateways on the same state, in this process. */
export const startGateways = (count: number, env: NodeJS.ProcessEnv): Promise<Gateway[]> =>
  Promise.all(Array.from({ length: count }, () => startTestGateway(env)));
