/** A gateway on either engine, with what it costs. */

import { MongoCounter } from '../commands/mongo-counter.js';
import { emptyDataset } from '../support/dataset.js';
import { GatewayProcess } from '../support/gateway.js';
import { Server } from '../support/servers.js';

export interface Measured {
  readonly name: string;
  readonly gateway: GatewayProcess;
  /** Whether its store is a process of its own. */
  readonly hasServer: boolean;
  /** CPU milliseconds of that process so far. */
  serverCpu(): number;
  /** Commands to it since the last call. */
  takeCommands(): number;
  stop(): Promise<void>;
}

/** No batch counts as silent while it is measured, however slow the machine is. */
const ENV = { QUEUE_STALL_AFTER_MS: '86400000' };

export async function embedded(): Promise<Measured> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory, env: ENV });
  return {
    name: 'embedded',
    gateway,
    hasServer: false,
    serverCpu: () => 0,
    takeCommands: () => 0,
    async stop() {
      await gateway.stop();
      remove();
    },
  };
}

export async function onMongo(): Promise<Measured> {
  const [redis, mongo] = await Promise.all([Server.redis(), Server.mongo()]);
  const counter = await MongoCounter.before(mongo.url);
  const { directory, remove } = emptyDataset();
  const env = { ...ENV, REDIS_URL: redis.url, MONGODB_URI: counter.url };
  const gateway = await GatewayProcess.start({ directory, env });
  return {
    name: 'MongoDB and Redis',
    gateway,
    hasServer: true,
    serverCpu: () => mongo.cpu,
    takeCommands: () => counter.take().length,
    async stop() {
      await gateway.stop();
      counter.close();
      await Promise.all([redis.stop(), mongo.stop()]);
      remove();
    },
  };
}
