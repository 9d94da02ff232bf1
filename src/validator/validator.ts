/** The client of the validator: the service that checks addresses. */
import type { Config } from '../config.js';
import type { UserId } from '../domain/id.js';
import type { Logger } from '../logger.js';
import { CircuitBreaker, CircuitOpen } from './circuit-breaker.js';
import { endpointOf, headersOf } from './endpoint.js';
import { isDown, post, unavailable, ValidatorFault } from './post.js';
import { type Acceptance, readResponse } from './response.js';

export { ValidatorFault } from './post.js';
export { type Acceptance, invalidResponse } from './response.js';

/** The checks to make; the validator requires all five. */
export interface Flags {
  readonly check_mx: boolean;
  readonly check_smtp: boolean;
  readonly check_disposable: boolean;
  readonly check_catch_all: boolean;
  readonly check_blacklist: boolean;
}

interface SubmissionRequest {
  /** Not empty; each in well-formed text. */
  readonly emails: readonly string[];
  readonly flags: Flags;
  /** The user whose quota at the validator this counts against. */
  readonly userId: UserId;
}

/** Results come later, as updates through an inlet; only the result of a single address is in the answer itself. */
export interface Validator {
  /**
   * Submits addresses once, without retries: a validator that answers with an error may have accepted the list anyway.
   * @throws ValidatorFault `validator_unavailable`, `rate_limited` or `payload_too_large`, without any text of the answer
   */
  submit(request: SubmissionRequest): Promise<Acceptance>;
  /** Aborts the submissions in flight; calling it twice is a no-op. */
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

/** Holds the ids of a few hundred thousand batches. */
const MIN_RESPONSE_BYTES = 16 * 1024 * 1024;

const CIRCUIT_MESSAGES = {
  open: 'the validator is down: submissions are refused for a while',
  closed: 'the validator answers again: submissions are sent to it',
};

/** Null where `VALIDATOR_URL` is not set. */
export function createValidator(config: ValidatorConfig, logger: Logger): Validator | null {
  if (config.VALIDATOR_URL === undefined) return null;
  const url = endpointOf(config.VALIDATOR_URL);
  const headers = headersOf(config.VALIDATOR_API_KEY);
  const maxBytes = Math.max(config.MAX_UPDATE_BYTES, MIN_RESPONSE_BYTES);
  const inFlight = new Set<AbortController>();
  const breaker = new CircuitBreaker({
    failures: config.VALIDATOR_MAX_FAILURES,
    pauseMs: config.VALIDATOR_PAUSE_MS,
    onChange: (state) => logger.warn({ circuit: state }, CIRCUIT_MESSAGES[state]),
  });
  let closing = false;
  if (config.VALIDATOR_API_KEY === undefined)
    logger.warn('VALIDATOR_API_KEY is not set: submissions are sent without a key');

  return {
    async submit({ emails, flags, userId }) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), config.VALIDATOR_TIMEOUT_MS);
      inFlight.add(abort);
      try {
        const request = {
          url,
          headers: headers(userId),
          body: JSON.stringify({ emails, ...flags }),
          maxBytes,
          signal: abort.signal,
        };
        const answer = await breaker.run(
          () => post(request),
          // A submission that the gateway aborts says nothing about the validator.
          (error) => (closing ? null : isDown(error)),
        );
        return await readResponse(answer, emails.length);
      } catch (error) {
        const fault = faultOf(error);
        logger.warn({ code: fault.code, reason: fault.message }, 'submission to the validator failed');
        throw fault;
      } finally {
        clearTimeout(timer);
        inFlight.delete(abort);
      }
    },
    async close() {
      closing = true;
      for (const abort of inFlight) abort.abort();
    },
  };
}

function faultOf(error: unknown): ValidatorFault {
  if (error instanceof CircuitOpen) {
    const retryAfterSeconds = Math.ceil(error.retryAfterMs / 1000);
    return unavailable('later', 'the validator has not answered for a while', { retryAfterSeconds });
  }
  return error instanceof ValidatorFault ? error : unavailable('lost', 'the submission failed');
}
