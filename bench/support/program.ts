/** A compared server in a process of its own: it prints its port as its first line, and ends with its input. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { killOnExit } from './children.js';

export class Program {
  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: AsyncIterator<string>,
    readonly url: string,
  ) {}

  static async start(command: string, ...args: string[]): Promise<Program> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    killOnExit(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value: port } = await lines.next();
    return new Program(child, lines, `http://127.0.0.1:${port}`);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Sends a line to its input, and waits for the next line of its output. */
  async ask(line: string): Promise<void> {
    this.child.stdin.write(line);
    await this.lines.next();
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.stdin.end();
    await exited;
  }
}
