import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../tests/support/free-port.js';
import { findProgram } from '../../tests/support/mongo-program.js';
import { killOnExit } from './children.js';
import { cpuOf } from './usage.js';

/** A Redis or MongoDB server of the benchmark's own, on a free port; its data is deleted when it stops. */
export class Server {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
    readonly url: string,
  ) {
    killOnExit(child);
  }

  /** Redis without persistence, with its default limits. */
  static async redis(settings: readonly string[] = []): Promise<Server> {
    const port = await freePort();
    const directory = newDirectory();
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', '', ...settings];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await said(child, /Ready to accept connections/);
    return new Server(child, directory, `redis://127.0.0.1:${port}`);
  }

  /** MongoDB or its substitute; each write is on the disk before it is answered. */
  static async mongo(): Promise<Server> {
    const program = findProgram();
    if (program === null) throw new Error('there is no MongoDB here, and none could be had');
    const directory = newDirectory();
    const args = program.args(directory, await freePort(), { isDurable: true });
    const child = spawn(program.command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = await said(child, program.listening);
    return new Server(child, directory, `mongodb://127.0.0.1:${port}/bench?directConnection=true`);
  }

  /** CPU milliseconds so far. */
  get cpu(): number {
    return cpuOf(this.child.pid ?? 0);
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'verigate-bench-server-'));

function said(child: ChildProcess, what: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = what.exec(line);
      if (found !== null) resolve(found[1] ?? '');
    });
  });
}
