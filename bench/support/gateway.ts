import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { killOnExit } from './children.js';
import type { LoopDelay } from './loop-probe.js';
import { cpuOf, type Memory, mainCpuOf, memoryOf, waitedForCpu } from './usage.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const PATIENCE_MS = 300_000;
const LOOK_MS = 50;
/** Benchmarks make more requests in a minute than the default limits allow. */
const WITHOUT_LIMITS = { MAX_COSTLY_REQUESTS_PER_MINUTE: '1000000' };
/** As `npm start` and the image have it. */
const ALLOCATION = { MALLOC_MMAP_THRESHOLD_: '131072' };
const YOUNG_OBJECTS = '--max-semi-space-size=4';
const PROBE = new URL('./loop-probe.js', import.meta.url).href;

export interface Start {
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node.js itself. */
  readonly node?: readonly string[];
}

/** The gateway's program in a process of its own, called over HTTP and measured from outside. */
export class GatewayProcess {
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    /** Time from the start of the process to its `listening` line. */
    readonly startMs: number,
  ) {}

  static async start({ directory, env = {}, node = [] }: Start): Promise<GatewayProcess> {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [YOUNG_OBJECTS, '--import', PROBE, ...node, MAIN], {
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        DATA_DIR: directory,
        ...ALLOCATION,
        ...WITHOUT_LIMITS,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    killOnExit(child);
    if (child.stdout === null) throw new Error('the gateway has no output');
    const lines = createInterface({ input: child.stdout });
    const url = await new Promise<string>((resolve, reject) => {
      lines.on('line', (line) => {
        const { msg, url, level } = JSON.parse(line) as { msg?: string; url?: string; level?: string };
        if (msg === 'listening' && url !== undefined) resolve(url);
        if (level !== 'info') process.stderr.write(`the gateway says: ${line}\n`);
      });
      child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}`)));
    });
    return new GatewayProcess(child, url, performance.now() - startedAt);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** CPU milliseconds so far. */
  get cpu(): number {
    return cpuOf(this.pid);
  }

  /** CPU milliseconds of its main thread so far. */
  get mainCpu(): number {
    return mainCpuOf(this.pid);
  }

  /** Milliseconds that its main thread was ready to run and had no processor. */
  get waited(): number {
    return waitedForCpu(this.pid);
  }

  get memory(): Memory {
    return memoryOf(this.pid);
  }

  /** The event loop's delay in milliseconds since the last call. An idle loop shows 1. */
  loopDelay(): Promise<LoopDelay> {
    return this.#askProbe('delay');
  }

  /** Bytes that its main thread allocates during the work, garbage included, by V8's samples. */
  async allocatedDuring(work: () => Promise<unknown>): Promise<number> {
    await this.#askProbe('allocations');
    await work();
    return this.#askProbe<number>('allocations');
  }

  async #askProbe<T>(question: string): Promise<T> {
    this.child.send(question);
    const [answer] = (await once(this.child, 'message')) as [T];
    return answer;
  }

  get(path: string): Promise<string> {
    return this.#ask('GET', path);
  }

  post(path: string, body: string): Promise<string> {
    return this.#ask('POST', path, body);
  }

  /** Fulfilled when the file is complete. */
  async completed(fileId: string): Promise<void> {
    let failure: unknown;
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(LOOK_MS)) {
      try {
        const { status } = JSON.parse(await this.get(`/api/files/${fileId}/stats`)) as { status: string };
        if (status === 'completed') return;
      } catch (error) {
        // Under a flood the database may take too long for an answer, which is what is measured.
        failure = error;
      }
    }
    throw new Error('the file is not complete', { cause: failure });
  }

  delete(path: string): Promise<string> {
    return this.#ask('DELETE', path);
  }

  /** Downloads and discards the body. @returns its lines and bytes */
  async download(
    path: string,
    onData: () => void = () => undefined,
  ): Promise<{ lines: number; bytes: number }> {
    const sent = request(`${this.url}${path}`, { agent: this.#agent }).end();
    const [response] = await once(sent, 'response');
    let lines = 0;
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
      onData();
    }
    return { lines, bytes };
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    if (this.child.exitCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }

  #ask(method: string, path: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, { method, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
        });
      });
      sent.on('error', (error) => {
        // The server closed the idle connection while this request was under way.
        if (sent.reusedSocket) resolve(this.#ask(method, path, body));
        else reject(error);
      });
      sent.end(body);
    });
  }
}
