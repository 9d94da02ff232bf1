import { closeServer, createApi, listen } from './http/server.js';
import { StatusCalls } from './http/status.js';
import { Submissions } from './http/submissions.js';
import { DEFAULTS, type ValidatorOptions } from './options.js';
import { Workshop } from './work/workshop.js';

export type { ValidatorOptions, Vices } from './options.js';

/** A stand-in for the real validator: the same calls, the same updates, verdicts out of thin air. */
export interface Validator {
  /** What the gateway calls `VALIDATOR_URL`. @throws before it is started */
  readonly url: string;
  /** @throws where it cannot listen */
  start(): Promise<void>;
  /** Stops taking and working, and publishes what is there. Calling it twice is a no-op. */
  close(): Promise<void>;
}

export function createValidator(
  given: Pick<ValidatorOptions, 'gatewayUrl'> & Partial<ValidatorOptions>,
): Validator {
  const options: ValidatorOptions = { ...DEFAULTS, ...given };
  const workshop = new Workshop(options);
  const submissions = new Submissions(options, workshop);
  const status = new StatusCalls(options, workshop.archive);
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
    await workshop.close();
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
