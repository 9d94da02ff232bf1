/** One HTTP POST to the validator: the bytes of its answer, or a fault that says what went wrong. */
import { type ErrorCode, Fault, type FaultOptions } from '../errors.js';

interface PostRequest {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Of the answer, decompressed. */
  readonly maxBytes: number;
  /** Aborts at any point, in the middle of the answer too. */
  readonly signal: AbortSignal;
}

/** The validator limits submissions per minute and does not say when the minute ends. */
const RETRY_AFTER_SECONDS = 60;
const MAX_RETRY_AFTER_SECONDS = 3600;

/**
 * What is known of a submission that failed. `later`: surely not accepted, and sending it again may help. `refused`: surely
 * not accepted, and sending it again does not help. `lost`: the validator may have accepted it, or a part of it.
 */
type FailedSubmission = 'later' | 'refused' | 'lost';

export class ValidatorFault extends Fault {
  constructor(
    readonly outcome: FailedSubmission,
    /** The validator did not answer: there was no connection, or a proxy in front of it answered instead. */
    readonly isDown: boolean,
    code: ErrorCode,
    reason: string,
    options?: FaultOptions,
  ) {
    super(code, reason, options);
  }
}

export const unavailable = (outcome: FailedSubmission, reason: string, options?: FaultOptions) =>
  new ValidatorFault(outcome, false, 'validator_unavailable', reason, options);

const down = (outcome: FailedSubmission, reason: string) =>
  new ValidatorFault(outcome, true, 'validator_unavailable', reason);

export const isDown = (error: unknown): boolean => error instanceof ValidatorFault && error.isDown;

/** Codes of a connection that was never made: the list cannot have been accepted. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const isConnected = (error: unknown): boolean =>
  !NOT_CONNECTED.has(String((error as { cause?: { code?: unknown } } | null)?.cause?.code));

/**
 * The body of an error is dropped unread: the validator repeats the addresses in it.
 * @throws Fault for everything but an answer of success
 */
export async function post({ url, headers, body, maxBytes, signal }: PostRequest): Promise<Buffer> {
  try {
    // A redirect is not followed: the key would be sent to another server.
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    if (!response.ok) {
      response.body?.cancel().catch(() => undefined);
      throw refusal(response);
    }
    return await bytesOf(response, maxBytes);
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (signal.aborted)
      throw down('lost', 'the validator did not answer in time; it may have accepted the list anyway');
    throw isConnected(error)
      ? down('lost', "the validator's answer broke off; it may have accepted the list anyway")
      : down('later', 'the validator could not be reached');
  }
}

function refusal({ status, headers }: Response): ValidatorFault {
  if (status === 429) {
    const retryAfterSeconds = retryAfterOf(headers.get('retry-after'));
    const reason = 'the validator accepts no more submissions now';
    return new ValidatorFault('later', false, 'rate_limited', reason, { retryAfterSeconds });
  }
  if (status === 413)
    return new ValidatorFault(
      'refused',
      false,
      'payload_too_large',
      'the list is too large for the validator',
    );
  if (status === 401 || status === 403) return unavailable('refused', 'the validator refused our key');
  if (status >= 300 && status < 400) return unavailable('refused', 'the validator answered with a redirect');
  // 400 and 422 too: everything that a caller can get wrong was checked before.
  if (status < 500) return unavailable('refused', 'the validator did not understand us');
  if (status === 503) return down('later', 'the validator is down');
  // A proxy that got no answer does not know either whether the validator has got the list.
  if (status > 501) return down('lost', 'the validator is down; it may have accepted the list anyway');
  // From the validator itself: a single address can cause it, and some batches may be queued already.
  return unavailable('lost', 'the validator failed; it may have accepted some of the list anyway');
}

function retryAfterOf(value: string | null): number {
  const seconds =
    value === null
      ? Number.NaN
      : /^\d{1,9}$/.test(value)
        ? Number(value)
        : (Date.parse(value) - Date.now()) / 1000;
  return Number.isNaN(seconds)
    ? RETRY_AFTER_SECONDS
    : Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER_SECONDS);
}

async function bytesOf(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > maxBytes) throw unavailable('lost', "the validator's answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
