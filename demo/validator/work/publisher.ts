import { setTimeout as sleep } from 'node:timers/promises';
import type { ValidatorOptions } from '../options.js';
import { textOf, type Update } from './update.js';

const TIMEOUT_MS = 30_000;
const LONGEST_RETRY_AFTER_S = 30;

type PublisherOptions = Pick<ValidatorOptions, 'gatewayUrl' | 'gatewayToken' | 'retryMs' | 'log'>;
type Answer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'later'; readonly why: string; readonly retryAfterMs: number };

/** Brings updates to the gateway, at least once: whatever may go away is tried again until it does, or until `signal`. */
export class Publisher {
  #isAway = false;

  constructor(
    private readonly options: PublisherOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** One try. What it refuses would be refused the next time too. */
  async attempt(update: Update): Promise<Answer> {
    const answer = await this.#post(textOf(update));
    const isAway = answer.kind === 'later';
    if (isAway && !this.#isAway && !this.signal.aborted)
      this.options.log(`updates have to wait: ${answer.why}`);
    if (!isAway && this.#isAway) this.options.log('updates are taken again');
    if (answer.kind === 'refused') this.options.log(`an update was refused: ${answer.why}`);
    this.#isAway = isAway;
    return answer;
  }

  /** Waits before the next try, longer each time; not as long as it takes when everything is over. */
  async pause(tries: number, atLeastMs: number): Promise<void> {
    const [first, longest] = this.options.retryMs;
    const backoff = Math.min(longest, first * 2 ** Math.min(tries, 30));
    // Uneven, so that the workers do not come back all at once.
    const delay = Math.max(backoff * (0.5 + Math.random() / 2), atLeastMs);
    await sleep(delay, undefined, { signal: this.signal }).catch(() => undefined);
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  async #post(body: string): Promise<Answer> {
    const abort = new AbortController();
    const giveUp = () => abort.abort();
    const timer = setTimeout(giveUp, TIMEOUT_MS);
    // By hand: `AbortSignal.any` would leave a trace of each request at the signal, which outlives them all.
    this.signal.addEventListener('abort', giveUp);
    try {
      const response = await fetch(this.#endpoint(), {
        method: 'POST',
        headers: this.#headers(),
        body,
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
      this.signal.removeEventListener('abort', giveUp);
    }
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
