/** Forms a Redis Cluster of primaries without replicas. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../tests/support/free-port.js';
import { Server } from '../support/servers.js';

const SLOTS = 16_384;
const LOOK_MS = 50;

export async function startCluster(primaries: number): Promise<Server[]> {
  const busPorts = await Promise.all(Array.from({ length: primaries }, () => freePort()));
  const servers = await Promise.all(
    busPorts.map((port) => Server.redis(['--cluster-enabled', 'yes', '--cluster-port', `${port}`])),
  );
  const clients = servers.map(({ url }) => new Redis(url));
  try {
    const first = (number: number) => Math.floor((number * SLOTS) / primaries);
    for (const [number, client] of clients.entries()) {
      await client.call('cluster', 'set-config-epoch', number + 1);
      await client.call('cluster', 'addslotsrange', first(number), first(number + 1) - 1);
    }
    for (const [number, server] of servers.entries())
      if (number > 0)
        await clients[0]?.call('cluster', 'meet', '127.0.0.1', portOf(server), busPorts[number] ?? 0);
    const isWhole = async (client: Redis) =>
      String(await client.call('cluster', 'info')).includes('state:ok');
    while (!(await Promise.all(clients.map(isWhole))).every(Boolean)) await sleep(LOOK_MS);
  } finally {
    for (const client of clients) client.disconnect();
  }
  return servers;
}

const portOf = ({ url }: Server): number => Number(new URL(url).port);

export const clusterUrl = (servers: readonly Server[]): string =>
  `redis-cluster://${servers.map((server) => `127.0.0.1:${portOf(server)}`).join(',')}`;
