import { Fault, type FaultOptions } from '../errors.js';

export interface PostRequest {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Of the answer, unpacked. */
  readonly maxBytes: number;
  /** Ends the exchange at any point, in the middle of the answer too. */
  readonly signal: AbortSignal;
}

/** The validator allows so many submissions a minute, and does not say when the minute is over. */
const RETRY_AFTER_SECONDS = 60;
const MAX_RETRY_AFTER_SECONDS = 3600;

export const unavailable = (reason: string, options?: FaultOptions) =>
  new Fault('validator_unavailable', reason, options);

/** There was no answer of the validator's own: nobody is there, or somebody in front of it says so. */
class ValidatorDown extends Fault {
  constructor(reason: string) {
    super('validator_unavailable', reason);
  }
}

export const isDown = (error: unknown): boolean => error instanceof ValidatorDown;

/**
 * One POST and its answer's text. An error's body is dropped unread: the validator repeats the addresses in it.
 * @throws Fault for whatever is not an answer
 */
export async function post({ url, headers, body, maxBytes, signal }: PostRequest): Promise<string> {
  try {
    // A redirect is not followed: it would carry the key to wherever it points.
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
        ? 'the validator did not answer in time; it may have taken the list all the same'
        : 'the validator could not be reached, or broke off its answer',
    );
  }
}

function refusal({ status, headers }: Response): Fault {
  if (status === 429) {
    const retryAfterSeconds = retryAfterOf(headers.get('retry-after'));
    return new Fault('rate_limited', 'the validator takes no more submissions now', { retryAfterSeconds });
  }
  if (status === 413) return new Fault('payload_too_large', 'the list is too large for the validator');
  if (status === 401 || status === 403) return unavailable('the validator refused our key');
  if (status >= 300 && status < 400) return unavailable('the validator answered with a redirect');
  // 500 is an answer: a single address can be the cause, and some batches may be queued already.
  if (status > 501) return new ValidatorDown('the validator is down');
  // 400 and 422 as well: what a caller can get wrong was looked at before.
  return unavailable(
    status < 500
      ? 'the validator did not understand us'
      : 'the validator failed; it may have taken some of the list all the same',
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
    if (length > maxBytes) throw unavailable('the validator answered with too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString();
}
