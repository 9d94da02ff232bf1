/** Runs a program to its end and collects its output. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTeardown } from './teardown.js';

/** The root of the project. Tests run from dist/tests/support. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The program gets only the given environment variables. */
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

/** Runs one of the project's compiled programs. */
export const runOurs = (module: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  runProgram(process.execPath, [`dist/${module}.js`, ...args], env);
