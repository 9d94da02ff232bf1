/** Starts and controls the process that sends updates and listens. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { killOnExit } from '../support/children.js';
import { cpuOf } from '../support/usage.js';
import type { ProtocolName } from './listener.js';
import type { LoadReport, LoadSettings } from './load.js';

const SCRIPT = fileURLToPath(new URL('./load.js', import.meta.url));

export class LoadProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Fulfilled when every socket is subscribed. */
  static async start(settings: LoadSettings): Promise<LoadProcess> {
    const child = fork(SCRIPT, [JSON.stringify(settings)]);
    killOnExit(child);
    await once(child, 'message');
    return new LoadProcess(child);
  }

  /** A process that only listens. Each entry is a socket and names its file, or is empty. */
  static listening(
    url: string,
    listeners: readonly string[],
    protocol: ProtocolName = 'socket.io',
  ): Promise<LoadProcess> {
    return LoadProcess.start({
      url,
      listeners,
      protocol,
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

  /** The counts since the last report. */
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
