/** Runs programs and collects what they print. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTeardown } from './teardown.js';
import { Signal } from './wait.js';

/** The root of the project. Tests run from dist/tests/support. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** What it has printed so far; `code` is undefined while it runs. */
interface Said extends Omit<Ended, 'code'> {
  readonly code: number | null | undefined;
}

/** The program gets only the given environment variables. It is killed after the test if it is still running. */
export function startProgram(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTeardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '', code: undefined as Said['code'] };
  const signal = new Signal();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
    signal.changed();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
    signal.changed();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      said.code = code;
      signal.changed();
      resolve({ ...said, code });
    });
  });
  ended.catch(() => undefined);
  return {
    child,
    /** Waits for something that it prints. @returns what it has printed by then */
    until: async (hasSaid: (said: Said) => boolean, withinMs?: number): Promise<Said> => {
      await signal.until(
        () => hasSaid(said),
        () => JSON.stringify(said),
        withinMs,
      );
      return { ...said };
    },
    /** @throws Error where it could not be started */
    ended,
  };
}

/** To its end. */
export const runProgram = (
  command: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Ended> => startProgram(command, args, env).ended;

/** Runs one of the project's compiled programs. */
export const runOurs = (module: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  runProgram(process.execPath, [`dist/${module}.js`, ...args], env);
