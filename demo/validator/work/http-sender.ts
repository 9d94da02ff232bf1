import type { ValidatorOptions } from '../options.js';
import type { Outcome, Sender } from './sender.js';
import { textOf, type Update } from './update.js';

const TIMEOUT_MS = 30_000;
const LONGEST_RETRY_AFTER_S = 30;

/** Posts updates to one gateway. */
export class HttpSender implements Sender {
  readonly awaitsEach = false;

  constructor(private readonly options: Pick<ValidatorOptions, 'gatewayUrl' | 'gatewayToken'>) {}

  async send(update: Update, signal: AbortSignal): Promise<Outcome> {
    const abort = new AbortController();
    const giveUp = () => abort.abort();
    const timer = setTimeout(giveUp, TIMEOUT_MS);
    // Not `AbortSignal.any`: each request would leave a listener at this signal, which outlives them all.
    signal.addEventListener('abort', giveUp);
    try {
      const response = await fetch(this.#endpoint(), {
        method: 'POST',
        headers: this.#headers(),
        body: textOf(update),
        redirect: 'manual',
        signal: abort.signal,
      });
      // The body is read to its end, or the connection could not be reused.
      await response.arrayBuffer();
      return outcomeOf(response);
    } catch (error) {
      const why = abort.signal.aborted ? 'the gateway does not answer' : reasonOf(error);
      return { kind: 'later', why, retryAfterMs: 0 };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Nothing to publish: the answer to the submission names the batches. */
  group(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    // `fetch` keeps no connection that would have to be closed here.
  }

  #endpoint(): string {
    const { gatewayUrl } = this.options;
    const base = typeof gatewayUrl === 'string' ? gatewayUrl : gatewayUrl();
    return `${base.replace(/\/+$/, '')}/api/updates`;
  }

  #headers(): Record<string, string> {
    const { gatewayToken } = this.options;
    const json = { 'Content-Type': 'application/json' };
    return gatewayToken === '' ? json : { ...json, Authorization: `Bearer ${gatewayToken}` };
  }
}

function outcomeOf({ status, headers }: Response): Outcome {
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  const why = `the gateway answered with ${status}`;
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429;
  if (!mayPass) return { kind: 'refused', why };
  const seconds = Number(headers.get('retry-after') ?? 0);
  const retryAfterMs = 1000 * Math.min(Number.isFinite(seconds) ? seconds : 0, LONGEST_RETRY_AFTER_S);
  return { kind: 'later', why, retryAfterMs };
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined;
  return `the gateway cannot be reached${code === undefined ? '' : ` (${code})`}`;
}
