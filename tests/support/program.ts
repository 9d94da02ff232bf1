import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTeardown } from './teardown.js';

/** The root of the project; the tests run from dist/tests/support. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, in an environment of nothing but what is given. */
export async function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTeardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { code, ...said };
}

/** A program of ours, as compiled. */
export const runOurs = (module: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  runProgram(process.execPath, [`dist/${module}.js`, ...args], env);
