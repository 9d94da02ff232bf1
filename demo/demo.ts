/** The demo: a simulated validator in this process and a gateway in a process of its own, with two sample lists. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Failure, print, printError } from './cli/program.js';
import type { Values } from './cli/settings.js';
import { fired } from './cli/stop.js';
import { Gateway } from './gateway/gateway.js';
import { count, validateSampleLists } from './sample-lists.js';
import type { DEMO_SETTINGS } from './settings.js';
import { DEFAULTS } from './validator/options.js';
import { workOptions } from './validator/settings.js';
import { createValidator, type Validator } from './validator/validator.js';

export type DemoOptions = Values<typeof DEMO_SETTINGS>;

/** More than the real validator's 40, which would stop a user who tries out the dashboard. */
const SUBMISSIONS_PER_MINUTE = 1000;
/** A failed call may be the first sign of a crash. For this long the demo waits to see the crash itself. */
const CRASH_WITHIN_MS = 2000;

export class Demo {
  readonly #validator: Validator;
  #gateway: Gateway | null = null;
  #gatewayUrl = '';

  constructor(private readonly options: DemoOptions) {
    this.#validator = createValidator({
      ...workOptions(options),
      submissionsPerMinute: SUBMISSIONS_PER_MINUTE,
      gatewayUrl: () => this.#gatewayUrl,
      log: (line) => printError(`validator: ${line}`),
    });
  }

  /** Runs until `stop` fires. @returns the exit code @throws Failure if it cannot continue */
  async run(stop: AbortSignal): Promise<number> {
    await this.#validator.start();
    const gateway = this.#startGateway();
    // Fires after a crash as well.
    const over = new AbortController();
    const stopped = fired(stop).then(() => over.abort());
    let inOrder = false;
    try {
      const url = await Promise.race([gateway.url(), stopped]);
      if (url !== undefined)
        await Promise.race([this.#play(gateway, url, over.signal), crash(gateway), stopped]);
      print('Stopping.');
    } finally {
      over.abort();
      // The validator stops first: without a gateway it would only log failures.
      await this.#validator.close();
      inOrder = await gateway.stop();
    }
    if (!inOrder) throw new Failure('the gateway did not stop in an orderly way');
    return 0;
  }

  /** Kills the gateway, so that no process is left. */
  kill(): void {
    this.#gateway?.kill();
  }

  #startGateway(): Gateway {
    const { port, 'data-dir': dataDir, verbose } = this.options;
    try {
      mkdirSync(dataDir, { recursive: true });
    } catch (error) {
      throw new Failure(`DATA_DIR cannot be made: ${(error as Error).message}`);
    }
    this.#gateway = new Gateway({
      port,
      dataDir,
      validatorUrl: this.#validator.url,
      validatorKey: DEFAULTS.apiKey,
      logFile: this.#logFile,
      onLine: verbose ? print : null,
    });
    return this.#gateway;
  }

  /** Has the lists validated, then keeps running until it is stopped. */
  async #play(gateway: Gateway, url: string, over: AbortSignal): Promise<void> {
    this.#gatewayUrl = url;
    this.#introduce(url);
    const { rate, addresses } = this.options;
    try {
      await validateSampleLists({ gatewayUrl: url, rate, addresses, signal: over });
    } catch (error) {
      if (over.aborted) return;
      if (error instanceof Failure) throw error;
      await Promise.race([crash(gateway), setTimeout(CRASH_WITHIN_MS, undefined, { signal: over })]);
      throw new Failure(`the gateway does not answer: ${String(error)}`);
    }
    await fired(over);
  }

  #introduce(url: string): void {
    const { addresses, rate, 'data-dir': dataDir } = this.options;
    const pace = rate === 0 ? 'as fast as it goes' : `${count(rate)} a second`;
    print(`Verigate is running, with a simulated validator.

  Dashboard   ${url}/
  First list  ${url}/#/files/demo
  Data        ${dataDir} (log: ${this.#logFile})
  Validator   ${this.#validator.url}, ${pace}
  Stop        Ctrl-C

${count(addresses)} addresses are to be validated; npm run demo -- --help lists the options.
`);
  }

  get #logFile(): string {
    return join(this.options['data-dir'], 'gateway.log');
  }
}

/** Rejects when the gateway ends unexpectedly. */
async function crash(gateway: Gateway): Promise<never> {
  const { code, signal, lastLines } = await gateway.exited;
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  throw new Failure(`the gateway ended ${how}. The last lines of its log:\n${lastLines}`, code || 1);
}
