/** Where a recording is played: a gateway over HTTP, or Redis. */
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Failure } from '../cli/program.js';
import type { Recorded } from './recording.js';

/** EX_UNAVAILABLE of sysexits.h. */
export const EXIT_UNAVAILABLE = 69;

export interface Target {
  /**
   * Sends a message. @returns its outcome; `refused: …` if the gateway rejected it
   * @throws Failure if the target cannot be reached
   */
  send(recorded: Recorded): Promise<string>;
  close(): void;
}

const TRIES = 6;
const FIRST_WAIT_MS = 200;

export class GatewayTarget implements Target {
  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly stop: AbortSignal,
  ) {}

  async send({ message }: Recorded): Promise<string> {
    const { status, body } = await this.#post('/api/updates', message);
    return status === 202 ? String(body.outcome) : `refused: ${explanation(status, body)}`;
  }

  async register(fileId: string, batchIds: readonly string[]): Promise<void> {
    const batches = batchIds.map((batchId) => ({ batchId }));
    const path = `/api/files/${encodeURIComponent(fileId)}/batches`;
    const { status, body } = await this.#post(path, JSON.stringify({ batches }));
    if (status !== 201) throw new Failure(`the batches cannot be registered: ${explanation(status, body)}`);
  }

  close(): void {}

  /** Both requests are idempotent, so a temporary failure is retried. */
  async #post(path: string, body: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = {
      'content-type': 'application/json',
      ...(this.token === '' ? {} : { authorization: `Bearer ${this.token}` }),
    };
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(new URL(path, this.url), {
        method: 'POST',
        headers,
        body,
        signal: this.stop,
      }).catch(() => null);
      this.stop.throwIfAborted();
      const isRefusal = response !== null && response.status !== 503 && response.status !== 429;
      if (isRefusal) return { status: response.status, body: await jsonOf(response) };
      await response?.body?.cancel();
      if (attempt === TRIES) {
        const reason = response === null ? 'cannot be reached' : `is too busy (${response.status})`;
        throw new Failure(`the gateway at ${this.url} ${reason}`, EXIT_UNAVAILABLE);
      }
      const retryAfter = Number(response?.headers.get('retry-after')) * 1000 || 0;
      await pause(Math.max(retryAfter, FIRST_WAIT_MS * 2 ** (attempt - 1)), undefined, { signal: this.stop });
    }
  }
}

const jsonOf = async (response: Response): Promise<Record<string, unknown>> =>
  ((await response.json().catch(() => ({}))) ?? {}) as Record<string, unknown>;

/** The gateway's own explanation. It holds no addresses. */
function explanation(status: number, { code, detail }: Record<string, unknown>): string {
  return `${status} ${String(code ?? '')} ${String(detail ?? '')}`.trim();
}

/** How long the validator keeps the last message of a batch, in seconds. */
const KEPT_SECONDS = 3600;

export class RedisTarget implements Target {
  readonly #redis: Redis;

  constructor(
    url: string,
    private readonly toStream: boolean,
  ) {
    this.#redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 3, retryStrategy: () => 200 });
    // The command that failed reports the error.
    this.#redis.on('error', () => undefined);
  }

  async send({ channel, message, batchId }: Recorded): Promise<string> {
    try {
      if (this.toStream) {
        await this.#redis.xadd(`${channel}:stream`, '*', 'data', message);
        return 'appended';
      }
      // The key first: a gateway that missed the message finds it there.
      await this.#redis.set(`validation_results:${batchId}`, message, 'EX', KEPT_SECONDS);
      const receivers = await this.#redis.publish(channel, message);
      return receivers > 0 ? 'published' : 'published without a subscriber';
    } catch (error) {
      throw new Failure(`Redis cannot be used: ${(error as Error).message}`, EXIT_UNAVAILABLE);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }
}
