/** Runs before each suite (jest's setupFiles): the worker threads that it starts are bundles of the compiled ones. */
import { createRequire } from 'node:module';
import type workerThreads from 'node:worker_threads';

const COMPILED = /\/dist\/(src\/.*\/thread\.js)$/;
/** Of this process, whose suites come one after the other: the class as Node.js has it. */
const ORIGINAL = Symbol.for('verigate.Worker');

// Required: what is imported is a copy, and nobody else would see the change.
const module = createRequire(import.meta.url)('node:worker_threads') as typeof workerThreads & {
  [ORIGINAL]?: typeof workerThreads.Worker;
};
const Worker = module[ORIGINAL] ?? module.Worker;
module[ORIGINAL] = Worker;

module.Worker = class extends Worker {
  constructor(path: string | URL, options?: workerThreads.WorkerOptions) {
    super(path instanceof URL ? new URL(path.href.replace(COMPILED, '/dist/threads/$1')) : path, options);
  }
};
