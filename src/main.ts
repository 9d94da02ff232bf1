import { readConfig } from './config.js';
import { FatalError } from './errors.js';
import { type Gateway, startGateway } from './gateway.js';
import { createLogger } from './logger.js';

/** EX_SOFTWARE of sysexits.h. */
const EXIT_SOFTWARE = 70;

let logger = createLogger('info');

function die(error: unknown): never {
  const exitCode = error instanceof FatalError ? error.exitCode : EXIT_SOFTWARE;
  if (error instanceof FatalError) logger.fatal({ exitCode }, error.message);
  else logger.fatal({ err: error, exitCode }, 'the gateway failed');
  process.exit(exitCode);
}

process.on('uncaughtException', die);
process.on('unhandledRejection', die);

async function main(): Promise<void> {
  const config = readConfig(process.env);
  logger = createLogger(config.LOG_LEVEL);
  let starting: Promise<Gateway>;
  let stopping = false;
  // Before anything is said: whoever reads that it starts may end it at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Whoever asks twice does not want to wait.
      if (stopping) process.exit(1);
      stopping = true;
      void leave(starting, signal, config.SHUTDOWN_TIMEOUT_MS);
    });
  }
  starting = startGateway(config, logger);
  await starting;
}

async function leave(starting: Promise<Gateway>, signal: string, timeoutMs: number): Promise<void> {
  logger.info({ signal, timeoutMs }, 'stopping');
  const deadline = setTimeout(() => {
    logger.error({ timeoutMs }, 'could not close everything in time');
    process.exit(1);
  }, timeoutMs);
  deadline.unref();
  const gateway = await starting;
  await gateway.close();
  logger.info('stopped');
  process.exit(0);
}

main().catch(die);
