/** Starts the gateway as a child process, follows its log and stops it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Failure } from '../cli/program.js';
import { readLogLine, Tail } from './log-lines.js';

export interface GatewayOptions {
  readonly port: string;
  readonly dataDir: string;
  readonly validatorUrl: string;
  readonly validatorKey: string;
  readonly logFile: string;
  /** Receives each line of the log; null: the log goes to the file only. */
  readonly onLine: ((line: string) => void) | null;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of the log. */
  readonly lastLines: string;
}

const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const STOP_WITH_PARENT = new URL('./stop-with-parent.js', import.meta.url).href;
const LAST_LINES = 12;
/** Longer than the gateway's own time limit for closing. */
const STOP_WITHIN_MS = 12_000;

/** The gateway as a process of its own. */
export class Gateway {
  /** Fulfilled when the process has ended, whatever the reason. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #listening: Promise<string>;
  readonly #tail = new Tail(LAST_LINES);

  constructor(private readonly options: GatewayOptions) {
    const log = createWriteStream(options.logFile);
    // A log file that cannot be written must not stop the demo.
    log.on('error', () => undefined);
    this.#child = spawn(process.execPath, ['--import', STOP_WITH_PARENT, PROGRAM], {
      env: environment(options),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C in a terminal reaches every process of its group. The gateway must outlive the validator, so it gets its
      // own.
      detached: true,
      windowsHide: true,
    });
    this.#listening = this.#follow(log);
    this.exited = this.#untilExit(log);
  }

  /** The URL on which it listens. @throws Failure that says why it does not */
  async url(): Promise<string> {
    const first = await Promise.race([this.#listening, this.exited]);
    if (typeof first !== 'string') throw this.#explain(first);
    return first;
  }

  /** Stops it, by force after a time limit. @returns whether it stopped in an orderly way */
  async stop(): Promise<boolean> {
    this.#child.kill('SIGTERM');
    const late = new AbortController();
    const timer = setTimeout(STOP_WITHIN_MS, false, { signal: late.signal }).catch(() => false);
    const inTime = await Promise.race([this.exited.then(() => true), timer]);
    late.abort();
    if (!inTime) this.kill();
    const { code, signal } = await this.exited;
    // A gateway that has no signal handler yet is ended by the signal itself.
    return inTime && (code === 0 || signal === 'SIGTERM');
  }

  /** Kills it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #follow(log: WriteStream): Promise<string> {
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error('the gateway has no output');
    return new Promise((resolve) => {
      const take = (text: string) => {
        log.write(`${text}\n`);
        this.#tail.add(text);
        this.options.onLine?.(text);
      };
      createInterface({ input: stderr }).on('line', take);
      createInterface({ input: stdout }).on('line', (text) => {
        take(text);
        const line = readLogLine(text);
        if (line?.msg === 'listening' && line.url !== undefined) resolve(line.url);
      });
    });
  }

  #untilExit(log: WriteStream): Promise<Exit> {
    return new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        // The demo ends with this: the last lines have to be in the file by then.
        log.end(() => resolve({ code, signal, lastLines: this.#tail.text }));
      };
      // `close`, not `exit`: all lines have been read by then.
      this.#child.once('close', end);
      this.#child.once('error', (error) => {
        this.#tail.add(error.message);
        end(null, null);
      });
    });
  }

  #explain(exit: Exit): Failure {
    const { port, dataDir } = this.options;
    const code = exit.code ?? 1;
    if (exit.lastLines.includes('EADDRINUSE')) {
      return new Failure(
        `port ${port} is taken. Choose another, PORT=8080 npm run demo, or any free one with PORT=0`,
        code,
      );
    }
    if (exit.lastLines.includes('another gateway is running on')) {
      return new Failure(
        `another gateway is using ${dataDir}; end it, or choose another directory with DATA_DIR`,
        code,
      );
    }
    return new Failure(`the gateway did not start:\n${exit.lastLines}`, code || 1);
  }
}

/** The demo's own settings override all that would select another engine or address. */
function environment({ port, dataDir, validatorUrl, validatorKey }: GatewayOptions): NodeJS.ProcessEnv {
  const { LOG_LEVEL } = process.env;
  return {
    ...process.env,
    ENGINE: 'embedded',
    MONGODB_URI: '',
    REDIS_URL: '',
    HOST: '127.0.0.1',
    AUTH: 'none',
    PORT: port,
    DATA_DIR: dataDir,
    VALIDATOR_URL: validatorUrl,
    VALIDATOR_API_KEY: validatorKey,
    // The demo waits for the line `listening`, which is logged at level info.
    LOG_LEVEL: LOG_LEVEL === 'debug' || LOG_LEVEL === 'trace' ? LOG_LEVEL : 'info',
  };
}
