/** One HTTP POST to the validator: its answer as text, or a fault that says what went wrong. */
import { Fault, type FaultOptions } from '../errors.js';

export interface PostRequest {
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

export const unavailable = (reason: string, options?: FaultOptions) =>
  new Fault('validator_unavailable', reason, options);

/** The validator did not answer: there was no connection, or a proxy in front of it answered instead. */
class ValidatorDown extends Fault {
  constructor(reason: string) {
    super('validator_unavailable', reason);
  }
}

export const isDown = (error: unknown): boolean => error instanceof ValidatorDown;

/**
 * The body of an error is dropped unread: the validator repeats the addresses in it.
 * @throws Fault for everything but an answer of success
 */
export async function post({ url, headers, body, maxBytes, signal }: PostRequest): Promise<string> {
  try {
    // A redirect is not followed: the key would be sent to another server.
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    if (!response.ok) {
      response.body?.cancel().catch(() => undefined);
      throw refusal(response);
    }
    return await textOf(response, maxBytes);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new ValidatorDown(
      signal.aborted
        ? 'the validator did not answer in time; it may have accepted the list anyway'
        : 'the validator could not be reached, or its answer broke off',
    );
  }
}

function refusal({ status, headers }: Response): Fault {
  if (status === 429) {
    const retryAfterSeconds = retryAfterOf(headers.get('retry-after'));
    return new Fault('rate_limited', 'the validator accepts no more submissions now', { retryAfterSeconds });
  }
  if (status === 413) return new Fault('payload_too_large', 'the list is too large for the validator');
  if (status === 401 || status === 403) return unavailable('the validator refused our key');
  if (status >= 300 && status < 400) return unavailable('the validator answered with a redirect');
  // 500 comes from the validator itself: a single address can cause it, and some batches may be queued already.
  if (status > 501) return new ValidatorDown('the validator is down');
  // 400 and 422 too: everything that a caller can get wrong was checked before.
  return unavailable(
    status < 500
      ? 'the validator did not understand us'
      : 'the validator failed; it may have accepted some of the list anyway',
  );
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

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > maxBytes) throw unavailable("the validator's answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString();
}
