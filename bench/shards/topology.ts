/** Two gateways on one Redis, or on a cluster, with a producer and listeners, measured from outside. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { io, type Socket } from 'socket.io-client';
import { messagesOf } from '../distributed/publisher.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import { GatewayProcess } from '../support/gateway.js';
import { paced } from '../support/pace.js';
import { Server } from '../support/servers.js';
import { clusterUrl, startCluster } from './cluster.js';

const GATEWAYS = 2;
const FILES = 12;
const STEP = 5;
const UPDATES_A_SECOND = 150;
const CHANNEL = 'email_validation_results';
const LOOK_MS = 50;

/** What one round has cost, in CPU milliseconds and counts. */
export interface Costs {
  readonly updates: number;
  /** Events that the feeds have published. */
  readonly events: number;
  readonly gateways: number;
  /** Of each Redis. */
  readonly redis: readonly number[];
  readonly commands: number;
  /** Messages that one node has sent another one. */
  readonly passedOn: number;
}

export class Topology {
  #round = 0;
  #heard = 0;
  readonly #sockets: Socket[] = [];

  private constructor(
    private readonly servers: readonly Server[],
    private readonly mongo: Server,
    private readonly gateways: readonly GatewayProcess[],
    private readonly producer: Redis | Cluster,
    private readonly remove: () => void,
  ) {}

  static async start(primaries: number): Promise<Topology> {
    const servers = primaries === 1 ? [await Server.redis()] : await startCluster(primaries);
    const mongo = await Server.mongo();
    const url = primaries === 1 ? (servers[0]?.url ?? '') : clusterUrl(servers);
    const { directory, remove } = emptyDataset();
    const env = { REDIS_URL: url, MONGODB_URI: mongo.url };
    const gateways: GatewayProcess[] = [];
    for (let i = 0; i < GATEWAYS; i++) gateways.push(await GatewayProcess.start({ directory, env }));
    const producer = primaries === 1 ? new Redis(url) : new Cluster(servers.map((server) => server.url));
    return new Topology(servers, mongo, gateways, producer, remove);
  }

  /** Every file is listened to at each gateway, and gets the updates of one batch. */
  async round(): Promise<Costs> {
    const files = Array.from({ length: FILES }, (_, number) => `shards-${this.#round}-${number}`);
    this.#round++;
    await Promise.all(this.gateways.map((gateway) => this.#listen(gateway.url, files)));
    const batches = files.map((file, number) => messagesOf(`${file}-b`, number * BATCH, STEP, file));
    const updates = batches[0]?.flatMap((_, turn) => batches.flatMap((batch) => batch[turn] ?? [])) ?? [];
    const before = await this.#counts();
    await paced(updates.length, UPDATES_A_SECOND, async (index) => {
      const { batchId, text } = updates[index] ?? { batchId: '', text: '' };
      await this.producer.set(`validation_results:${batchId}`, text, 'EX', 3_600);
      await this.producer.publish(CHANNEL, text);
    });
    await Promise.all(files.map((file) => this.gateways[0]?.completed(file)));
    await sleep(LOOK_MS);
    const after = await this.#counts();
    for (const socket of this.#sockets.splice(0)) socket.disconnect();
    return {
      updates: updates.length,
      events: (after.heard - before.heard) / GATEWAYS,
      gateways: after.gateways - before.gateways,
      redis: after.redis.map((cpu, number) => cpu - (before.redis[number] ?? 0)),
      commands: after.commands - before.commands,
      passedOn: after.passedOn - before.passedOn,
    };
  }

  async stop(): Promise<void> {
    this.producer.disconnect();
    await Promise.all(this.gateways.map((gateway) => gateway.stop()));
    await Promise.all([...this.servers, this.mongo].map((server) => server.stop()));
    this.remove();
  }

  async #listen(url: string, files: readonly string[]): Promise<void> {
    const socket = io(url, { transports: ['websocket'] });
    this.#sockets.push(socket);
    for (const event of ['file_stats', 'file_emails']) socket.on(event, () => this.#heard++);
    await Promise.all(files.map((fileId) => socket.emitWithAck('subscribe', { fileId })));
  }

  async #counts() {
    const infos = await Promise.all(this.servers.map(({ url }) => infoOf(url)));
    const sum = (pattern: RegExp) =>
      infos.reduce(
        (total, info) =>
          total + [...info.matchAll(pattern)].reduce((sum, [, count]) => sum + Number(count), 0),
        0,
      );
    return {
      heard: this.#heard,
      gateways: this.gateways.reduce((total, { cpu }) => total + cpu, 0),
      redis: this.servers.map(({ cpu }) => cpu),
      commands: sum(/^cmdstat_(?!info|cluster|client|ping|time)[^:]+:calls=(\d+)/gm),
      passedOn: sum(/^cluster_stats_messages_publish(?:shard)?_sent:(\d+)/gm),
    };
  }
}

async function infoOf(url: string): Promise<string> {
  const client = new Redis(url);
  try {
    const cluster = await client.call('cluster', 'info').catch(() => '');
    return `${await client.info('commandstats')}\n${String(cluster)}`;
  } finally {
    client.disconnect();
  }
}
