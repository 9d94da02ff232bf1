/** Entry point of `npm run demo`. */
import { print, run } from './cli/program.js';
import { describe, readSettings } from './cli/settings.js';
import { stopSignal } from './cli/stop.js';
import { Demo } from './demo.js';
import { DEMO_SETTINGS, GENERAL_SETTINGS } from './settings.js';
import { FAULT_SETTINGS, WORK_SETTINGS } from './validator/settings.js';

const help = () => `Usage: npm run demo -- [options]

Starts a gateway and a simulated validator on this machine, and has some lists of addresses validated.

${describe(GENERAL_SETTINGS)}

How the validator works:
${describe(WORK_SETTINGS)}

What it does wrong, each as a share from 0 to 1:
${describe(FAULT_SETTINGS)}`;

async function main(): Promise<number> {
  const values = readSettings(DEMO_SETTINGS, process.argv.slice(2), process.env);
  if (values === null) {
    print(help());
    return 0;
  }
  const demo = new Demo(values);
  const stop = stopSignal(() => {
    demo.kill();
    process.exit(130);
  });
  return demo.run(stop);
}

void run('demo', main);
