/** Runs a gateway as a process: configuration, signals, exit codes. */

import { setFlagsFromString } from 'node:v8';
import { unknownVariables } from './config/unknown-variables.js';
import { readConfig, variables } from './config.js';
import { FatalError } from './errors.js';
import { type Gateway, startGateway } from './gateway.js';
import { createLogger } from './logger.js';

/** EX_SOFTWARE of sysexits.h. */
const EXIT_SOFTWARE = 70;
/** npm and process managers send a signal twice in a moment: within this time signals are one. */
const ONE_SIGNAL_MS = 1_000;

/**
 * V8 lets the old objects of a small heap grow to three or four times of what is still used before it looks for garbage.
 * Results live for some seconds, so that was half of the memory under load. It counts for threads as well.
 */
const HEAP_GROWING_PERCENT = 60;

let logger = createLogger('info');

function exitWith(error: unknown): never {
  const exitCode = error instanceof FatalError ? error.exitCode : EXIT_SOFTWARE;
  if (error instanceof FatalError) logger.fatal({ exitCode }, error.message);
  else logger.fatal({ err: error, exitCode }, 'the gateway failed and exits');
  process.exit(exitCode);
}

process.on('uncaughtException', exitWith);
process.on('unhandledRejection', exitWith);

async function main(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const config = readConfig(process.env);
  logger = createLogger(config.LOG_LEVEL);
  for (const { name, like } of unknownVariables(process.env, Object.keys(variables)))
    logger.warn({ variable: name, like }, 'this environment variable is not known and has no effect');
  let starting: Promise<Gateway>;
  let stoppingSince: number | null = null;
  // Before the first log line: a supervisor that reads it may send a signal at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const now = performance.now();
      if (stoppingSince === null) {
        stoppingSince = now;
        void stop(starting, signal, config.SHUTDOWN_TIMEOUT_MS);
      } else if (now - stoppingSince >= ONE_SIGNAL_MS) {
        logger.warn({ signal }, 'a second signal came while the gateway was stopping: it exits at once');
        process.exit(1);
      }
    });
  }
  starting = startGateway(config, logger);
  await starting;
}

async function stop(starting: Promise<Gateway>, signal: string, timeoutMs: number): Promise<void> {
  logger.info({ signal, timeoutMs }, 'stopping');
  const deadline = setTimeout(() => {
    logger.error({ timeoutMs }, 'the gateway could not shut down in time and exits');
    process.exit(1);
  }, timeoutMs);
  deadline.unref();
  const gateway = await starting;
  await gateway.close();
  logger.info('stopped');
  process.exit(0);
}

main().catch(exitWith);
