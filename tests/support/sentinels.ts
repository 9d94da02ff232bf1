/** A primary, its replicas and three sentinels for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const NAME = 'main';
const SENTINELS = 3;
const SERVERS = 3;

export class SentinelServers {
  readonly #directory = mkdtempSync(join(tmpdir(), 'verigate-sentinels-'));
  readonly #sentinels: { readonly child: ChildProcess; readonly client: Redis; readonly port: number }[] = [];

  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<SentinelServers> {
    const primary = await RedisServer.start();
    const settings = ['--replicaof', '127.0.0.1', `${primary.port}`];
    const replicas = Array.from({ length: SERVERS - 1 }, () => RedisServer.start({ settings }));
    const all = new SentinelServers([primary, ...(await Promise.all(replicas))]);
    for (let i = 0; i < SENTINELS; i++) await all.#startSentinel(primary.port);
    await all.untilSafe();
    return all;
  }

  get url(): string {
    return `redis-sentinel://${this.#sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`;
  }

  /** The server that the sentinels call the primary. */
  async primary(): Promise<RedisServer> {
    const [, port] = (await this.#ask('get-master-addr-by-name', NAME)) as [string, string];
    const primary = this.servers.find((server) => server.port === Number(port));
    if (primary === undefined) throw new Error('the sentinels name no server of this test');
    return primary;
  }

  /** Waits until every sentinel knows the others and each server that runs, so that the next failover can succeed. */
  async untilSafe(replicas = SERVERS - 1): Promise<void> {
    await eventually('the sentinels know everyone', async () => {
      const known = await Promise.all(
        this.#sentinels.map(async ({ client }) => {
          const others = (await client.call('sentinel', 'sentinels', NAME)) as unknown[];
          const all = (await client.call('sentinel', 'replicas', NAME)) as string[][];
          const inSync = all.filter((fields) => {
            const field = (name: string) => fields[fields.indexOf(name) + 1];
            return field('flags') === 'slave' && field('master-link-status') === 'ok';
          });
          return others.length === SENTINELS - 1 && inSync.length >= replicas;
        }),
      );
      return !known.includes(false);
    });
  }

  async stop(): Promise<void> {
    for (const { child, client } of this.#sentinels) {
      client.disconnect();
      const exited = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGKILL')) await exited;
    }
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #ask(...args: [string, ...string[]]): Promise<unknown> {
    const [first] = this.#sentinels;
    if (first === undefined) throw new Error('there is no sentinel');
    return first.client.call('sentinel', ...args);
  }

  async #startSentinel(primaryPort: number): Promise<void> {
    const port = await freePort();
    const file = join(this.#directory, `${port}.conf`);
    const settings = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${this.#directory}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 5000`,
    ];
    writeFileSync(file, `${settings.join('\n')}\n`);
    const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    const orphan = () => child.kill('SIGKILL');
    process.once('exit', orphan);
    child.once('exit', () => process.off('exit', orphan));
    const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    await client.ping();
    this.#sentinels.push({ child, client, port });
  }
}
