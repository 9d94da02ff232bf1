/** One of the compared servers in a process of its own, with its listeners in another. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoadProcess } from '../load/load-process.js';
import { killOnExit } from '../support/children.js';
import { cpuOf } from '../support/usage.js';
import { type Command, lineOf } from './peers/commands.js';

/** Relative to the project's root, where npm runs its scripts. */
const FLOOR_SOURCE = 'bench/fan-out/peers/floor.c';
const PAUSE_MS = 20;

export class Peer {
  readonly #lines: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcess,
    lines: AsyncIterator<string>,
    private readonly load: LoadProcess,
    private readonly listeners: number,
  ) {
    this.#lines = lines;
  }

  /** Starts one of the programs in `peers/`. */
  static node(name: string, listeners: number, ...args: string[]): Promise<Peer> {
    const script = fileURLToPath(new URL(`./peers/${name}.js`, import.meta.url));
    return Peer.#start(listeners, process.execPath, script, ...args);
  }

  /** Starts the program that does nothing but write(). It needs a C compiler. */
  static async floor(listeners: number): Promise<Peer> {
    const directory = mkdtempSync(join(tmpdir(), 'verigate-floor-'));
    try {
      const program = join(directory, 'floor');
      execFileSync('cc', ['-O2', '-o', program, FLOOR_SOURCE]);
      return await Peer.#start(listeners, program);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  static async #start(listeners: number, command: string, ...args: string[]): Promise<Peer> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    killOnExit(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value: port } = await lines.next();
    const load = await LoadProcess.listening(
      `http://127.0.0.1:${port}`,
      Array.from({ length: listeners }, () => ''),
    );
    return new Peer(child, lines, load, listeners);
  }

  /** CPU microseconds for each event and listener. It waits until every event has arrived. */
  async cost(command: Command): Promise<number> {
    await this.load.report();
    const before = this.#cpu;
    this.child.stdin?.write(lineOf(command));
    await this.#lines.next();
    const all = command.events * this.listeners;
    for (let frames = 0; frames < all; frames += (await this.load.report()).frames) await sleep(PAUSE_MS);
    return ((this.#cpu - before) * 1000) / all;
  }

  async stop(): Promise<void> {
    await this.load.stop();
    const exited = once(this.child, 'exit');
    this.child.stdin?.end();
    await exited;
  }

  get #cpu(): number {
    return cpuOf(this.child.pid ?? 0);
  }
}
