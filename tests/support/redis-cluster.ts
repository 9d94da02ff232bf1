/** A Redis Cluster for tests: three primaries, each with a replica. */
import calculateSlot from 'cluster-key-slot';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const PRIMARIES = 3;

export class RedisCluster {
  private constructor(
    /** Primaries first, then their replicas in the same order. */
    readonly nodes: readonly RedisServer[],
  ) {}

  /** `nodeTimeoutMs`: how long a node may be silent before its replica takes over. */
  static async start({ nodeTimeoutMs = 2_000 } = {}): Promise<RedisCluster> {
    const nodes: RedisServer[] = [];
    for (let i = 0; i < 2 * PRIMARIES; i++)
      nodes.push(await RedisServer.start({ settings: await settings(nodeTimeoutMs) }));
    const cluster = new RedisCluster(nodes);
    const clients = nodes.map(({ url }) => new Redis(url));
    try {
      await cluster.#form(clients);
    } finally {
      for (const client of clients) client.disconnect();
    }
    return cluster;
  }

  /** Those that the cluster began with. */
  get primaries(): readonly RedisServer[] {
    return this.nodes.slice(0, PRIMARIES);
  }

  /** The number of the primary that began with a slot. */
  shardOf(slot: number): number {
    return Math.floor((slot * PRIMARIES) / SLOTS);
  }

  get url(): string {
    return `redis-cluster://${this.nodes.map(({ url }) => url.slice('redis://'.length)).join(',')}`;
  }

  /**
   * Moves the slot of a key to another primary while it is in use, as `redis-cli --cluster reshard` does: between two keys
   * clients are redirected with ASK, and a script whose keys are apart is refused with TRYAGAIN.
   */
  async moveSlotOf(key: string): Promise<void> {
    const clients = this.primaries.map(({ url }) => new Redis(url));
    try {
      const [first] = clients as [Redis];
      const slot = Number(await first.call('cluster', 'keyslot', key));
      const ids = (await Promise.all(clients.map((client) => client.call('cluster', 'myid')))) as string[];
      const owner = (
        (await first.call('cluster', 'slots')) as [number, number, [string, number, string]][]
      ).find(([from, to]) => from <= slot && slot <= to)?.[2][2];
      const from = ids.indexOf(owner ?? '');
      const to = (from + 1) % PRIMARIES;
      const [source, target] = [clients[from], clients[to]] as [Redis, Redis];
      const [sourceId, targetId] = [ids[from] ?? '', ids[to] ?? ''];
      await target.call('cluster', 'setslot', slot, 'importing', sourceId);
      await source.call('cluster', 'setslot', slot, 'migrating', targetId);
      for (;;) {
        const keys = (await source.call('cluster', 'getkeysinslot', slot, 1)) as string[];
        if (keys.length === 0) break;
        await source.call(
          'migrate',
          '127.0.0.1',
          this.nodes[to]?.port ?? 0,
          '',
          0,
          5_000,
          'REPLACE',
          'KEYS',
          ...keys,
        );
      }
      for (const client of [target, source, ...clients])
        await client.call('cluster', 'setslot', slot, 'node', targetId);
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  /** Gives the slot of a key away and takes it back, before anybody can ask who has it. It must hold no keys. */
  async moveSlotAwayAndBack(key: string): Promise<void> {
    const owner = new Redis(this.primaries[this.shardOf(calculateSlot(key))]?.url ?? '');
    try {
      const nodes = (await owner.call('cluster', 'nodes')) as string;
      const idOf = (pattern: RegExp) => pattern.exec(nodes)?.[1] ?? '';
      const [other, own] = [idOf(/^(\w+) \S+ master /m), idOf(/^(\w+) \S+ myself,/m)];
      const steps = [other, own].map((id) => ['cluster', 'setslot', calculateSlot(key), 'node', id]);
      for (const [error] of (await owner.pipeline(steps as string[][]).exec()) ?? []) if (error) throw error;
    } finally {
      owner.disconnect();
    }
  }

  /** Fulfilled when every node serves every slot, and no replica is behind: the next failover can come. */
  async untilSafe(): Promise<void> {
    await eventually('the cluster is whole', async () => {
      const infos = await this.#askAll(async (client) => [
        (await client.call('cluster', 'info')) as string,
        await client.info('replication'),
      ]);
      return infos.every(
        ([cluster = '', replication = '']) =>
          cluster.includes('cluster_state:ok') &&
          !/master_link_status:down/.test(replication) &&
          /role:slave|connected_slaves:[1-9]/.test(replication),
      );
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async #askAll<T>(ask: (client: Redis) => Promise<T>): Promise<T[]> {
    const clients = this.nodes.map(({ url }) => new Redis(url));
    try {
      return await Promise.all(clients.map(ask));
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  async #form(clients: readonly Redis[]): Promise<void> {
    const [first] = clients as [Redis];
    const ports = this.nodes.map(({ port }) => port);
    const ids = await Promise.all(clients.map((client) => client.call('cluster', 'myid') as Promise<string>));
    for (const [index, client] of clients.entries()) {
      await client.call('cluster', 'set-config-epoch', index + 1);
      if (index < PRIMARIES) {
        const from = Math.floor((index * SLOTS) / PRIMARIES);
        const to = Math.floor(((index + 1) * SLOTS) / PRIMARIES) - 1;
        await client.call('cluster', 'addslotsrange', from, to);
      }
    }
    for (const [index, node] of this.nodes.entries())
      if (index > 0) await first.call('cluster', 'meet', '127.0.0.1', ports[index] ?? 0, node.busPort);
    await eventually('the nodes know each other', async () => {
      const known = await Promise.all(
        clients.map((client) => client.call('cluster', 'nodes') as Promise<string>),
      );
      return known.every((text) => ids.every((id) => text.includes(id)) && !text.includes('handshake'));
    });
    for (const [index, client] of clients.slice(PRIMARIES).entries())
      await client.call('cluster', 'replicate', ids[index] ?? '');
    await eventually('the cluster serves every slot, and the replicas have synchronised', async () => {
      const infos = await Promise.all(
        clients.map((client) => client.call('cluster', 'info') as Promise<string>),
      );
      const links = await Promise.all(clients.slice(PRIMARIES).map((client) => client.info('replication')));
      return (
        infos.every((info) => info.includes('cluster_state:ok')) &&
        links.every((link) => link.includes('master_link_status:up'))
      );
    });
  }
}

async function settings(nodeTimeoutMs: number): Promise<string[]> {
  const bus = await freePort();
  return [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    `${bus}`,
    '--cluster-node-timeout',
    `${nodeTimeoutMs}`,
  ];
}
