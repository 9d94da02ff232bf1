/** MongoDB servers for tests: a shared one, or one of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { mongo } from 'mongoose';
import { describeWhere } from './describe-where.js';
import { freePort } from './free-port.js';
import { freeze } from './freeze.js';
import { findProgram, type Program } from './mongo-program.js';

const STARTED_WITHIN_MS = 30_000;

const MISSING = 'there is no MongoDB: set MONGODB_URI, or put mongod on the PATH';
let program: Program | null | undefined;

/** Searched once, because the search is slow if there is none. */
function programHere(): Program | null {
  if (program === undefined) program = findProgram();
  return program;
}

/** `describe` for tests that need a MongoDB. */
export const describeWithMongo = (name: string, tests: () => void): void =>
  describeWhere(Boolean(process.env.MONGODB_URI) || programHere() !== null, MISSING, name, tests);

/** `describe` for tests that need their own MongoDB, to kill it or to make it fail. */
export const describeWithOwnMongo = (name: string, tests: () => void): void =>
  describeWhere(programHere() !== null, MISSING, name, tests);

/** A server of the test's own. */
export class MongoServer {
  #process: ChildProcess | undefined;
  #port = 0;

  private constructor(
    private readonly program: Program,
    private readonly directory: string,
    private readonly options: { readonly isDurable: boolean },
  ) {}

  /** Durable: acknowledged writes survive `kill`. */
  static async start(options = { isDurable: true }): Promise<MongoServer> {
    const program = programHere();
    if (program === null) throw new Error(MISSING);
    const server = new MongoServer(program, mkdtempSync(join(tmpdir(), 'verigate-mongo-')), options);
    await server.start();
    return server;
  }

  /** A new database. */
  newUri(): string {
    return uriOf(`mongodb://127.0.0.1:${this.#port}/?directConnection=true`);
  }

  /** Starts it again, on the same port and with the same data. */
  async start(): Promise<void> {
    const port = this.#port || (await freePort());
    const child = spawn(this.program.command, this.program.args(this.directory, port, this.options), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    // An interrupted test run leaves no server behind.
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

  /** Kills it before it can write anything. Fulfilled when it is gone, so that its directory is free again. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Until it goes on it accepts connections and answers nothing. @returns a function that lets it go on */
  freeze(): Promise<() => void> {
    return freeze(this.#process);
  }

  async stop(): Promise<void> {
    this.#process?.kill('SIGCONT');
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

/** A source of databases: the server named by MONGODB_URI, else one of the test's own. */
export async function openMongo(): Promise<Databases> {
  const given = process.env.MONGODB_URI;
  if (!given) return MongoServer.start({ isDurable: false });
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

/** Reads a database directly, without the store. */
export async function withDatabase<T>(uri: string, look: (database: mongo.Db) => Promise<T>): Promise<T> {
  // Loaded where a test looks into the database: most suites leave it to their gateways.
  const { mongo } = await import('mongoose');
  const client = new mongo.MongoClient(uri);
  try {
    return await look(client.db());
  } finally {
    await client.close();
  }
}

/** The same server with a randomly named database. */
function uriOf(uri: string): string {
  const [, server = uri, options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(uri) ?? [];
  return `${server}/verigate-test-${randomBytes(6).toString('hex')}${options}`;
}
