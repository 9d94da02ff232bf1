import type { ValidatorOptions } from '../options.js';
import type { Answer, Sender } from './sender.js';
import { textOf, type Update } from './update.js';

const TIMEOUT_MS = 30_000;
const LONGEST_RETRY_AFTER_S = 30;

/** Posts updates to one gateway. */
export class HttpSender implements Sender {
  readonly takesEach = false;

  constructor(private readonly options: Pick<ValidatorOptions, 'gatewayUrl' | 'gatewayToken'>) {}

  async send(update: Update, signal: AbortSignal): Promise<Answer> {
    const abort = new AbortController();
    const giveUp = () => abort.abort();
    const timer = setTimeout(giveUp, TIMEOUT_MS);
    // By hand: `AbortSignal.any` would leave a trace of each request at the signal, which outlives them all.
    signal.addEventListener('abort', giveUp);
    try {
      const response = await fetch(this.#endpoint(), {
        method: 'POST',
        headers: this.#headers(),
        body: textOf(update),
        redirect: 'manual',
        signal: abort.signal,
      });
      // Read to the end, whatever it says, or the connection could not be used again.
      await response.arrayBuffer();
      return answerOf(response);
    } catch (error) {
      const why = abort.signal.aborted ? 'the gateway does not answer' : reasonOf(error);
      return { kind: 'later', why, retryAfterMs: 0 };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** The answer to the submission says it. */
  group(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    // Every connection belongs to a request.
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

function answerOf({ status, headers }: Response): Answer {
  if (status >= 200 && status < 300) return { kind: 'taken' };
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
