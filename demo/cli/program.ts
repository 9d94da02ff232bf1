/** Output and exit codes of the demo's command-line programs. */
import { EXIT_USAGE, UsageError } from './settings.js';

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
export const printError = (text: string): void => void process.stderr.write(`${text}\n`);

/** Ends the program with one line of explanation instead of a stack trace. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** Runs a program to its exit code. An unexpected error is a bug: it ends the program with 1 and a stack trace. */
export async function run(name: string, main: () => Promise<number>): Promise<never> {
  try {
    process.exit(await main());
  } catch (error) {
    if (error instanceof UsageError) {
      printError(`${name}: ${error.message}\nTry --help.`);
      process.exit(EXIT_USAGE);
    }
    if (error instanceof Failure) {
      printError(`${name}: ${error.message}`);
      process.exit(error.exitCode);
    }
    printError(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    process.exit(1);
  }
}
