/** Runs an example that listens to a file, as a process of its own. */
import { spawn } from 'node:child_process';
import { ROOT } from '../support/program.js';
import { onTeardown } from '../support/teardown.js';
import { Signal } from '../support/wait.js';

/** Longer than a program of a foreign language needs to start on a busy machine. */
const START_MS = 60_000;

export function startListener(command: string, args: readonly string[], url: string) {
  const { PATH, HOME } = process.env;
  const child = spawn(command, args, {
    cwd: ROOT,
    // Without a locale, Java takes its arguments for ASCII.
    env: { PATH, HOME, LC_ALL: 'C.UTF-8', VERIGATE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTeardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '', code: undefined as number | null | undefined };
  const signal = new Signal();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
    signal.changed();
  });
  child.once('close', (code) => {
    said.code = code;
    signal.changed();
  });
  return {
    /** Fulfilled when it has printed this progress. */
    until: (progress: string) =>
      signal.until(
        () => said.err.includes(progress),
        () => said.err,
        START_MS,
      ),
    ended: async () => {
      await signal.until(
        () => said.code !== undefined,
        () => said.err,
        START_MS,
      );
      return said;
    },
  };
}
