/** Runs before each suite (jest's setupFiles): a thread of SQLite that it starts is a bundle of the compiled one. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type workerThreads from 'node:worker_threads';
import { THREAD } from './bundles.js';

const COMPILED = pathToFileURL(THREAD.compiled).href;
/** Of this process, whose suites come one after the other: the class as Node.js has it. */
const ORIGINAL = Symbol.for('verigate.Worker');

// Required: what is imported is a copy, and other modules would not see the change.
const module = createRequire(import.meta.url)('node:worker_threads') as typeof workerThreads & {
  [ORIGINAL]?: typeof workerThreads.Worker;
};
const Worker = module[ORIGINAL] ?? module.Worker;
module[ORIGINAL] = Worker;

module.Worker = class extends Worker {
  constructor(path: string | URL, options?: workerThreads.WorkerOptions) {
    super(String(path) === COMPILED ? THREAD.bundle : path, options);
  }
};
