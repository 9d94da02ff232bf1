import { closeServer, createApi, listen } from './http/server.js';
import { StatusCalls } from './http/status.js';
import { Submissions } from './http/submissions.js';
import { DEFAULTS, type ValidatorOptions } from './options.js';
import { WorkerPool } from './work/worker-pool.js';

export type { Faults, ValidatorOptions } from './options.js';

/** Simulates the real validator: the same calls and the same updates, with verdicts computed from the addresses. */
export interface Validator {
  /** The value for the gateway's `VALIDATOR_URL`. @throws before it is started */
  readonly url: string;
  /** @throws if it cannot listen */
  start(): Promise<void>;
  /** Stops accepting and running batches, and publishes the results so far. Calling it twice is a no-op. */
  close(): Promise<void>;
}

export function createValidator(
  given: Pick<ValidatorOptions, 'gatewayUrl'> & Partial<ValidatorOptions>,
): Validator {
  const options: ValidatorOptions = { ...DEFAULTS, ...given };
  const workerPool = new WorkerPool(options);
  const submissions = new Submissions(options, workerPool);
  const status = new StatusCalls(options, workerPool.archive);
  const server = createApi(options.basePath, [
    { method: 'POST', path: /^\/validate-batch$/, answer: (call) => submissions.answer(call) },
    { method: 'GET', path: /^\/validation-status\/([^/]+)$/, answer: (call, id) => status.ofBatch(id, call) },
    {
      method: 'GET',
      path: /^\/multi-validation-status\/([^/]+)$/,
      answer: (call, id) => status.ofRequest(id, call),
    },
  ]);
  let url: string | undefined;
  let closing: Promise<void> | undefined;
  const close = async () => {
    await closeServer(server);
    await workerPool.close();
  };
  return {
    get url() {
      if (url === undefined) throw new Error('the validator is not started');
      return url;
    },
    start: async () => {
      url = (await listen(server, options.host, options.port)) + options.basePath;
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
