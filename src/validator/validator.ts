import type { Config } from '../config.js';
import { Fault } from '../errors.js';
import type { Logger } from '../logger.js';
import { CircuitBreaker, CircuitOpen } from './circuit-breaker.js';
import { endpointOf, headersOf } from './endpoint.js';
import { isDown, post, unavailable } from './post.js';
import { readResponse, type Submission } from './response.js';

export type { Submission } from './response.js';

/** What is to be checked; the validator wants all five named. */
export interface Flags {
  readonly check_mx: boolean;
  readonly check_smtp: boolean;
  readonly check_disposable: boolean;
  readonly check_catch_all: boolean;
  readonly check_blacklist: boolean;
}

export interface SubmissionRequest {
  /** Non-empty, well-formed. */
  readonly emails: readonly string[];
  readonly flags: Flags;
  /** Whom the validator counts it for. */
  readonly userId: string;
}

/** The service that validates addresses. Its news come another way; only an address on its own is answered at once. */
export interface Validator {
  /**
   * Submits addresses, once: nothing is ever repeated, because a validator that answered with an error may have taken
   * the list all the same.
   * @throws Fault `validator_unavailable`; `rate_limited`; `payload_too_large`. None holds anything that it answered.
   */
  submit(assignment: SubmissionRequest): Promise<Submission>;
  /** Ends what is under way; calling it twice is a no-op. */
  close(): Promise<void>;
}

export type ValidatorConfig = Pick<
  Config,
  | 'VALIDATOR_URL'
  | 'VALIDATOR_API_KEY'
  | 'VALIDATOR_USER_ID'
  | 'VALIDATOR_TIMEOUT_MS'
  | 'VALIDATOR_MAX_FAILURES'
  | 'VALIDATOR_PAUSE_MS'
  | 'MAX_UPDATE_BYTES'
>;

/** Room for the ids of a few hundred thousand batches. */
const MIN_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Null where none is configured.
 * @throws FatalError where its settings cannot be used
 */
export function createValidator(config: ValidatorConfig, logger: Logger): Validator | null {
  if (config.VALIDATOR_URL === undefined) return null;
  const url = endpointOf(config.VALIDATOR_URL);
  const headers = headersOf(config);
  const maxBytes = Math.max(config.MAX_UPDATE_BYTES, MIN_ANSWER_BYTES);
  const underWay = new Set<AbortController>();
  const breaker = new CircuitBreaker({
    failures: config.VALIDATOR_MAX_FAILURES,
    pauseMs: config.VALIDATOR_PAUSE_MS,
    onChange: (state) => logger.warn({ circuit: state }, 'the validator is taken for down, or up again'),
  });
  let closing = false;
  if (config.VALIDATOR_API_KEY === undefined)
    logger.warn('VALIDATOR_API_KEY is not set: the validator gets no key');

  return {
    async submit({ emails, flags, userId }) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), config.VALIDATOR_TIMEOUT_MS);
      underWay.add(abort);
      try {
        const request = {
          url,
          headers: headers(userId),
          body: JSON.stringify({ emails, ...flags }),
          maxBytes,
          signal: abort.signal,
        };
        const text = await breaker.run(
          () => post(request),
          // What we end ourselves says nothing of the validator.
          (error) => (closing ? null : isDown(error)),
        );
        return readResponse(text, emails.length);
      } catch (error) {
        const fault = faultOf(error);
        logger.warn({ code: fault.code, reason: fault.message }, 'submission to the validator failed');
        throw fault;
      } finally {
        clearTimeout(timer);
        underWay.delete(abort);
      }
    },
    async close() {
      closing = true;
      for (const abort of underWay) abort.abort();
    },
  };
}

function faultOf(error: unknown): Fault {
  if (error instanceof CircuitOpen) {
    const retryAfterSeconds = Math.ceil(error.retryAfterMs / 1000);
    return unavailable('the validator has not answered for a while', { retryAfterSeconds });
  }
  return error instanceof Fault ? error : unavailable('the submission failed');
}
