/** Runs an example that listens to a file, as a process of its own. */
import { type Ended, startProgram } from '../support/program.js';

/** Longer than a program of a foreign language needs to start on a busy machine. */
const START_MS = 60_000;

export function startListener(command: string, args: readonly string[], url: string) {
  // Without a locale, Java takes its arguments for ASCII.
  const env = { HOME: process.env.HOME, LC_ALL: 'C.UTF-8', VERIGATE_URL: url };
  const program = startProgram(command, args, env);
  return {
    /** Fulfilled when it has printed this progress. */
    until: (progress: string) => program.until(({ err }) => err.includes(progress), START_MS),
    ended: async (): Promise<Ended> => {
      await program.until(({ code }) => code !== undefined, START_MS);
      return program.ended;
    },
  };
}
