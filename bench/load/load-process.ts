import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../support/children.js';
import { cpuOf } from '../support/usage.js';
import type { LoadOrder, LoadReport } from './load.js';

const SCRIPT = fileURLToPath(new URL('./load.js', import.meta.url));

/** The process that sends updates and listens. */
export class LoadProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Fulfilled once every socket listens. */
  static async start(order: LoadOrder): Promise<LoadProcess> {
    const child = fork(SCRIPT, [JSON.stringify(order)]);
    endWithUs(child);
    await once(child, 'message');
    return new LoadProcess(child);
  }

  /** The same of one that sends nothing: a socket for each entry, which names the file to subscribe to, or is empty. */
  static listening(url: string, listeners: readonly string[]): Promise<LoadProcess> {
    return LoadProcess.start({
      url,
      listeners,
      files: [],
      active: 0,
      start: 0,
      step: 0,
      updatesPerSecond: 0,
    });
  }

  get cpu(): number {
    return cpuOf(this.child.pid ?? 0);
  }

  /** What happened since the last report. */
  async report(): Promise<LoadReport> {
    this.child.send('report');
    const [report] = (await once(this.child, 'message')) as [LoadReport];
    return report;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.send('stop');
    await exited;
  }
}
