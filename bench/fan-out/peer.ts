/** One of the compared servers in a process of its own, with its listeners in another. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoadProcess } from '../load/load-process.js';
import { Program } from '../support/program.js';
import { cpuOf, memoryOf } from '../support/usage.js';
import { Centrifugo } from './centrifugo.js';
import { type Command, FILE, lineOf } from './peers/commands.js';

/** Relative to the project's root, where npm runs its scripts. */
const FLOOR_SOURCE = 'bench/fan-out/peers/floor.c';
const PAUSE_MS = 20;
const PATIENCE_MS = 60_000;

/** How a compared server is told what to send. */
interface Sender {
  send(command: Command): Promise<void>;
  stop(): Promise<void>;
}

export class Peer {
  private constructor(
    private readonly pid: number,
    private readonly sender: Sender,
    private readonly load: LoadProcess,
    private readonly listeners: number,
    /** Kilobytes of resident memory by which the server has grown for each listener. */
    readonly kilobytes: number,
    /** Several events may come in one frame: then they are counted by their bytes. */
    private readonly joinsEvents: boolean,
  ) {}

  /** Starts Centrifugo, which has to be there. */
  static async centrifugo(listeners: number): Promise<Peer> {
    const server = await Centrifugo.start();
    const pid = server.child.pid ?? 0;
    const before = memoryOf(pid).rss;
    const load = await LoadProcess.listening(server.url, Array<string>(listeners).fill(FILE), 'centrifugo');
    return new Peer(pid, server, load, listeners, grownBy(pid, before, listeners), true);
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
    const program = await Program.start(command, ...args);
    const { pid, url } = program;
    const before = memoryOf(pid).rss;
    const load = await LoadProcess.listening(url, Array<string>(listeners).fill(''));
    const sender: Sender = {
      send: (command) => program.ask(lineOf(command)),
      stop: () => program.stop(),
    };
    return new Peer(pid, sender, load, listeners, grownBy(pid, before, listeners), false);
  }

  /** CPU microseconds for each event and listener. It waits until every event has arrived. */
  async cost(command: Command): Promise<number> {
    await this.load.report();
    const before = cpuOf(this.pid);
    await this.sender.send(command);
    const all = command.events * this.listeners;
    const end = performance.now() + PATIENCE_MS;
    for (let arrived = 0; arrived < all; await sleep(PAUSE_MS)) {
      const { frames, bytes } = await this.load.report();
      arrived += this.joinsEvents ? bytes / command.bytes : frames;
      if (performance.now() > end) throw new Error(`${arrived} of ${all} events arrived`);
    }
    return ((cpuOf(this.pid) - before) * 1000) / all;
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.sender.stop();
  }
}

const grownBy = (pid: number, before: number, listeners: number): number =>
  ((memoryOf(pid).rss - before) * 1024) / listeners;
