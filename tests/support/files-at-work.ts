/** Two gateways and three files at work, for tests that disturb the servers behind them. */
import { expect } from '@jest/globals';
import { expectComplete, expectHealthy, untilReadiness } from './checks.js';
import { ownNames, spawnGateways } from './cluster.js';
import type { GatewayProcess } from './gateway.js';
import { StrictListener } from './listener.js';
import { MongoServer } from './mongo-server.js';
import { redisSenders } from './redis-senders.js';
import { RetryingProducer } from './retrying-producer.js';
import { SimulatedWorkers } from './simulated-workers.js';
import { onTeardown } from './teardown.js';
import { WatchedChannels } from './watched-channels.js';

export const LONG_MS = 60_000;
/** Sentinels that the machine held up for two seconds do nothing for 30 s, and a failover that failed is tried again after ten. */
const FAILOVER_MS = 150_000;
const SOON = { FLUSH_INTERVAL_MS: '20', STREAM_IDLE_MS: '1000', STALL_AFTER_MS: '1500' };

const plainName = (number: number, _prefix: string) => `f${number}`;

/** Two gateways, and three files at work: by HTTP, Pub/Sub and the Stream. Their channels are watched at all servers. */
export async function atWork(
  redisUrl: string,
  servers: readonly { readonly url: string }[],
  { nameOf = plainName, senders = redisSenders(redisUrl) } = {},
) {
  const mongo = await MongoServer.start();
  onTeardown(() => mongo.stop());
  const env = { MONGODB_URI: mongo.newUri(), REDIS_URL: redisUrl, ...ownNames() };
  const gateways = await spawnGateways(2, { ...env, ...SOON });
  const urls = gateways.map(({ url }) => url);
  const producer = new RetryingProducer(() => urls);
  const files = [undefined, senders.pubsub, senders.stream].map(
    (wire, number) => new SimulatedWorkers(nameOf(number, env.KEY_PREFIX), 1, producer, wire),
  );
  const listeners = await Promise.all(
    urls.flatMap((url) =>
      files.map(({ fileId }) => new StrictListener(fileId, { isPatient: true }).join(url)),
    ),
  );
  const channels = await Promise.all(
    files.map(({ fileId }) =>
      WatchedChannels.of(
        fileId,
        servers.map(({ url }) => url),
        urls,
      ),
    ),
  );
  await Promise.all(files.map((file) => file.start(1)));
  await untilMoreEvents(listeners);
  return { gateways, urls, files, listeners, channels, prefix: env.KEY_PREFIX };
}

/** Fulfilled when every listener got something new; returns how long the last one waited, in milliseconds. */
export async function untilMoreEvents(listeners: readonly StrictListener[], more = 5): Promise<number> {
  const before = listeners.map(({ events }) => events.length);
  const startedAt = performance.now();
  await Promise.all(
    listeners.map((listener, i) =>
      listener.until(() => listener.events.length >= (before[i] ?? 0) + more, FAILOVER_MS),
    ),
  );
  return Math.round(performance.now() - startedAt);
}

export async function expectAllComplete({
  gateways,
  urls,
  files,
  listeners,
  channels,
}: Awaited<ReturnType<typeof atWork>>) {
  await Promise.all(urls.map((url) => untilReadiness(url)));
  for (const file of files) {
    await file.stop();
    const own = listeners.filter(({ fileId }) => fileId === file.fileId);
    await expectComplete(urls, file.oracle, own, LONG_MS);
  }
  for (const watched of channels) await watched.expectSameBytes(LONG_MS);
  expect(listeners.map(({ isConnected }) => isConnected)).toEqual(listeners.map(() => true));
  for (const gateway of gateways as GatewayProcess[]) expectHealthy(gateway);
}

export function report(text: string): void {
  process.stderr.write(`tests: ${text}\n`);
}
