import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from '@jest/globals';
import { mongo } from 'mongoose';

/**
 * MongoDB for tests: the one at MONGODB_URI, else `mongod` from the PATH, else SecantusDB, which speaks its protocol on
 * the same storage engine. Where there is none, tests that need it are skipped, and say so; with CI or REQUIRE_SERVICES
 * set that is a failure.
 */
const SECANTUS = { name: 'secantus-mdb', version: '0.5.3-beta.196' };
const STARTED_WITHIN_MS = 30_000;

interface Program {
  readonly command: string;
  args(directory: string, port: number): string[];
  /** What it says when it is ready, with its port. */
  readonly listening: RegExp;
  /** Takes port 0 for any. */
  readonly findsPort: boolean;
}

const secantus = (command: string): Program => ({
  command,
  // Without the last one a kill loses writes that were answered.
  args: (directory, port) => [
    '--port',
    String(port),
    '--storage-path',
    directory,
    '--enable-test-commands',
    '--cache-size',
    '256M',
    '--sync-on-commit',
  ],
  listening: /listening on 127\.0\.0\.1:(\d+)/,
  findsPort: true,
});

const mongod: Program = {
  command: 'mongod',
  args: (directory, port) => [
    '--dbpath',
    directory,
    '--port',
    String(port),
    '--bind_ip',
    '127.0.0.1',
    '--setParameter',
    'enableTestCommands=1',
  ],
  listening: /"Waiting for connections".*"port":(\d+)/,
  findsPort: false,
};

const say = (text: string): void => void process.stderr.write(`tests: ${text}\n`);
const succeeds = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const runs = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: ['ignore', 2, 2] }).status === 0;

function findProgram(): Program | null {
  if (succeeds('mongod', ['--version'])) return mongod;
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'verigate');
  const built = join(cache, 'secantus', 'bin', 'secantusd-rs');
  if (existsSync(built)) return secantus(built);
  const installed = join(cache, 'secantus-py', 'bin', 'secantusd-py');
  if (existsSync(installed)) return secantus(installed);
  if (succeeds('cargo', ['--version'])) {
    say(`no MongoDB here; building SecantusDB into ${cache}, once, which takes some minutes`);
    const { name, version } = SECANTUS;
    const args = ['install', name, '--version', version, '--locked', '--ignore-rust-version', '--root'];
    if (runs('cargo', [...args, join(cache, 'secantus')]) && existsSync(built)) return secantus(built);
  }
  say(`no MongoDB here; installing SecantusDB into ${cache}, once`);
  mkdirSync(cache, { recursive: true });
  const venv = join(cache, 'secantus-py');
  const isInstalled =
    runs('python3', ['-m', 'venv', venv]) &&
    runs(join(venv, 'bin', 'pip'), ['install', '--quiet', 'secantusdb']);
  return isInstalled && existsSync(installed) ? secantus(installed) : null;
}

let program: Program | null | undefined;
const required = (): boolean => process.env.CI === 'true' || process.env.REQUIRE_SERVICES === '1';

function requireProgram(): Program | null {
  program ??= findProgram();
  if (program !== null) return program;
  const reason = 'there is no MongoDB: set MONGODB_URI, or put mongod on the PATH';
  if (required()) throw new Error(reason);
  say(`SKIPPED, ${reason}`);
  return null;
}

/** `describe` for tests that need a MongoDB. */
export const describeWithMongo = (name: string, tests: () => void): void =>
  (process.env.MONGODB_URI || requireProgram() !== null ? describe : describe.skip)(name, tests);

/** `describe` for tests that need one of their own, to kill it or to let it fail. */
export const describeWithOwnMongo = (name: string, tests: () => void): void =>
  (requireProgram() !== null ? describe : describe.skip)(name, tests);

/** A server of the test's own. */
export class MongoServer {
  #process: ChildProcess | undefined;
  #port = 0;

  private constructor(
    private readonly program: Program,
    private readonly directory: string,
  ) {}

  static async start(): Promise<MongoServer> {
    const program = requireProgram();
    if (program === null) throw new Error('there is no MongoDB');
    const server = new MongoServer(program, mkdtempSync(join(tmpdir(), 'verigate-mongo-')));
    await server.start();
    return server;
  }

  /** A database that nobody else has. */
  newUri(): string {
    return uriOf(`mongodb://127.0.0.1:${this.#port}/?directConnection=true`);
  }

  /** Starts it, again on the same port and with what it had. */
  async start(): Promise<void> {
    const port = this.#port > 0 || this.program.findsPort ? this.#port : await freePort();
    const child = spawn(this.program.command, this.program.args(this.directory, port), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    // A test run that is cut short leaves no server behind.
    const orphan = () => child.kill('SIGKILL');
    process.once('exit', orphan);
    child.once('exit', () => process.off('exit', orphan));
    const listening = new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the server did not start')), STARTED_WITHIN_MS);
      const look = (line: string) => {
        const found = this.program.listening.exec(line)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(Number(found));
      };
      for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', look);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      child.once('error', reject);
    });
    this.#port = await listening;
  }

  /** Ends it at once, without a chance to write anything; answers when it is gone, so that its folder is free again. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** It takes connections and answers nothing, until `resume`. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.resume();
    await this.#end('SIGTERM');
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

export interface Databases {
  newUri(): string;
  stop(): Promise<void>;
}

/** Where databases come from: the server that was named, else one of the test's own. */
export async function openMongo(): Promise<Databases> {
  const given = process.env.MONGODB_URI;
  if (!given) return MongoServer.start();
  const uris: string[] = [];
  return {
    newUri() {
      const uri = uriOf(given);
      uris.push(uri);
      return uri;
    },
    async stop() {
      for (const uri of uris) await withDatabase(uri, (database) => database.dropDatabase());
    },
  };
}

/** Looks into a database past the store. */
export async function withDatabase<T>(uri: string, look: (database: mongo.Db) => Promise<T>): Promise<T> {
  const client = new mongo.MongoClient(uri);
  try {
    return await look(client.db());
  } finally {
    await client.close();
  }
}

/** The same server with a database of a random name. */
function uriOf(uri: string): string {
  const [, server = uri, options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(uri) ?? [];
  return `${server}/verigate-test-${randomBytes(6).toString('hex')}${options}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
