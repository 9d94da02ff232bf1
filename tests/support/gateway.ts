/** Starts gateways for tests, in this process or as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll } from '@jest/globals';
import type { Gateway } from '../../src/gateway.js';
import { GATEWAY } from './bundles.js';
import { isThorough } from './effort.js';
import { onTeardown, temporaryDirectory } from './teardown.js';

export { onTeardown, temporaryDirectory };

/** In this process. Its modules are loaded by the first one, so not in suites that only start processes. */
async function start(env: NodeJS.ProcessEnv): Promise<Gateway> {
  const { readConfig } = await import('../../src/config.js');
  const { startGateway } = await import('../../src/gateway.js');
  const { createLogger } = await import('../../src/logger.js');
  const config = readConfig({ PORT: '0', LOG_LEVEL: 'silent', ...env });
  return startGateway(config, createLogger(config.LOG_LEVEL));
}

/** A gateway in this process, on a free port and with its own directory. It is closed after the test. */
export async function startTestGateway(env: NodeJS.ProcessEnv = {}): Promise<Gateway> {
  const gateway = await start({ DATA_DIR: env.DATA_DIR ?? temporaryDirectory(), ...env });
  onTeardown(() => gateway.close());
  return gateway;
}

/**
 * One gateway for all tests of a suite, which look at files of their own only. `env` is asked for when it starts.
 * @returns its URL, for use within tests
 */
export function sharedGateway(env: () => NodeJS.ProcessEnv = () => ({})): () => string {
  let gateway: Gateway | undefined;
  let directory = '';
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'verigate-test-'));
    gateway = await start({ DATA_DIR: directory, ...env() });
  });
  afterAll(async () => {
    await gateway?.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return () => gateway?.url ?? '';
}

export interface GatewayProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** The log lines so far. */
  readonly log: readonly string[];
  /** Output that is not part of the log. */
  readonly complaints: readonly string[];
  /** Sends the signal and waits for the exit. @returns the exit code; null if it was killed */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** In thorough runs, and where the test changes how Node.js runs it, the gateway's program is as it is compiled. */
const programFor = ({ NODE_OPTIONS }: NodeJS.ProcessEnv): string =>
  isThorough || NODE_OPTIONS !== undefined ? GATEWAY.compiled : GATEWAY.bundle;

/**
 * The gateway's program (or another that starts one) in a process of its own. It is killed after the test if it is still
 * running.
 */
export async function spawnGateway(
  env: NodeJS.ProcessEnv = {},
  program: string = programFor(env),
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: env.DATA_DIR ?? temporaryDirectory(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // `close`, not `exit`: by then all output has been read.
  const exited = once(child, 'close');
  onTeardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const log: string[] = [];
  const complaints: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      log.push(line);
      const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
      if (msg === 'listening' && url !== undefined) resolve(url);
    });
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${log.join('\n')}`)));
  });
  return {
    url,
    child,
    log,
    complaints,
    end: async (signal) => {
      child.kill(signal);
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}
