import { EXIT_USAGE, UsageError } from './settings.js';

export const say = (text: string): void => void process.stdout.write(`${text}\n`);
export const complain = (text: string): void => void process.stderr.write(`${text}\n`);

/** Ends the program after a failure, with one clear line. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** Runs a program to its exit code. What it does not expect ends it with 1 and a stack trace: it is a bug. */
export async function run(name: string, main: () => Promise<number>): Promise<never> {
  try {
    process.exit(await main());
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${name}: ${error.message}\nTry --help.`);
      process.exit(EXIT_USAGE);
    }
    if (error instanceof Failure) {
      complain(`${name}: ${error.message}`);
      process.exit(error.exitCode);
    }
    complain(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    process.exit(1);
  }
}
