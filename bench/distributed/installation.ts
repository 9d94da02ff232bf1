/** Starts gateways on a Redis and a MongoDB of their own, with a publisher in the validator's place. */
import { emptyDataset } from '../support/dataset.js';
import { GatewayProcess } from '../support/gateway.js';
import { Server } from '../support/servers.js';
import { Publisher } from './publisher.js';

export interface Installation {
  readonly gateways: readonly GatewayProcess[];
  readonly redis: Server;
  readonly mongo: Server;
  readonly publisher: Publisher;
  stop(): Promise<void>;
}

export async function install(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Installation> {
  const [redis, mongo] = await Promise.all([Server.redis(), Server.mongo()]);
  const { directory, remove } = emptyDataset();
  const shared = { REDIS_URL: redis.url, MONGODB_URI: mongo.url, ...env };
  const gateways = await Promise.all(
    Array.from({ length: count }, () => GatewayProcess.start({ directory, env: shared })),
  );
  const publisher = new Publisher(redis.url);
  return {
    gateways,
    redis,
    mongo,
    publisher,
    async stop() {
      publisher.end();
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await Promise.all([redis.stop(), mongo.stop()]);
      remove();
    },
  };
}

/** The sum of a counter over all its labels, or over those that contain `labels`; 0 if there is none. */
export async function counted(gateway: GatewayProcess, name: string, labels = ''): Promise<number> {
  const text = await gateway.get('/metrics');
  const lines = [...text.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)$`, 'gm'))];
  return lines
    .filter(([, said = '']) => said.includes(labels))
    .reduce((sum, [, , value]) => sum + Number(value), 0);
}
