import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Failure } from '../cli/program.js';
import type { Recorded } from './recording.js';

/** EX_UNAVAILABLE of sysexits.h. */
export const EXIT_UNAVAILABLE = 69;

/** Where a recording is played. */
export interface Target {
  /**
   * Hands over a message; answers with what became of it. `refused: …` is an answer, too.
   * @throws Failure where nobody is there
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
    return status === 202 ? String(body.outcome) : `refused: ${said(status, body)}`;
  }

  async register(fileId: string, batchIds: readonly string[]): Promise<void> {
    const batches = batchIds.map((batchId) => ({ batchId }));
    const path = `/api/files/${encodeURIComponent(fileId)}/batches`;
    const { status, body } = await this.#post(path, JSON.stringify({ batches }));
    if (status !== 201) throw new Failure(`the batches cannot be registered: ${said(status, body)}`);
  }

  close(): void {}

  /** Repeating either request changes nothing, so whatever may pass is tried again. */
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
      const asked = Number(response?.headers.get('retry-after')) * 1000 || 0;
      await pause(Math.max(asked, FIRST_WAIT_MS * 2 ** (attempt - 1)), undefined, { signal: this.stop });
    }
  }
}

const jsonOf = async (response: Response): Promise<Record<string, unknown>> =>
  ((await response.json().catch(() => ({}))) ?? {}) as Record<string, unknown>;

/** What was wrong, in the gateway's own words, which hold no addresses. */
function said(status: number, { code, detail }: Record<string, unknown>): string {
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
    // What cannot be sent is told by the command that could not send it.
    this.#redis.on('error', () => undefined);
  }

  async send({ channel, message, batchId }: Recorded): Promise<string> {
    try {
      if (this.toStream) {
        await this.#redis.xadd(`${channel}:stream`, '*', 'data', message);
        return 'appended';
      }
      // In this order: whoever finds the key newer than the channel has missed something.
      await this.#redis.set(`validation_results:${batchId}`, message, 'EX', KEPT_SECONDS);
      const heard = await this.#redis.publish(channel, message);
      return heard > 0 ? 'published' : 'published to nobody';
    } catch (error) {
      throw new Failure(`Redis cannot be used: ${(error as Error).message}`, EXIT_UNAVAILABLE);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }
}
