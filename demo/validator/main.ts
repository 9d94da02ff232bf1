/** Entry point of the simulated validator as a program of its own. */
import { Failure, print, printError, run } from '../cli/program.js';
import { describe, readSettings } from '../cli/settings.js';
import { fired, stopSignal } from '../cli/stop.js';
import { FAULT_SETTINGS, SERVER_SETTINGS, serverOptions, WORK_SETTINGS, workOptions } from './settings.js';
import { createValidator, type Validator } from './validator.js';

const help = () => `Usage: node dist/demo/validator/main.js [options]

A validator that validates nothing: it answers like the real validator, works through lists in batches, and publishes
cumulative updates, to a gateway or on Redis. Verdicts are computed from the addresses, the same ones in every run.

Where:
${describe(SERVER_SETTINGS)}

How:
${describe(WORK_SETTINGS)}

What goes wrong, each as a share from 0 to 1:
${describe(FAULT_SETTINGS)}

Addresses that choose their verdict: rejected@, full@, badname@, timeout@, noconnect@, unavailable@, closed@ and
error@example.com; any name at nomx.test, catchall.test, listed.test, greylist.test, dead.test, slow.test, relay.test.

To point a gateway at it: VALIDATOR_URL=http://127.0.0.1:8000/api/v1 VALIDATOR_API_KEY=${SERVER_SETTINGS.key.fallback} npm start`;

async function main(): Promise<number> {
  const settings = { ...SERVER_SETTINGS, ...WORK_SETTINGS, ...FAULT_SETTINGS };
  const values = readSettings(settings, process.argv.slice(2), process.env);
  if (values === null) {
    print(help());
    return 0;
  }
  const stop = stopSignal();
  const validator = createValidator({ ...workOptions(values), ...serverOptions(values), log: printError });
  await start(validator, values.port);
  // The host only: the URL may hold a password.
  const target = values.redis === '' ? values.gateway : `Redis at ${new URL(values.redis).host}`;
  print(`listening on ${validator.url}, publishing to ${target}`);
  await fired(stop);
  await validator.close();
  return 0;
}

async function start(validator: Validator, port: number): Promise<void> {
  try {
    await validator.start();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint = code === 'EADDRINUSE' ? `port ${port} is taken; choose another with --port` : message;
    throw new Failure(`cannot listen: ${hint}`);
  }
}

void run('validator', main);
