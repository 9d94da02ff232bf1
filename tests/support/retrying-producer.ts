import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, type Message, Producer, Unreachable } from './producer.js';

/** The pauses between attempts grow from the first to the longest one. */
const AGAIN_MS = 20;
const LONGEST_PAUSE_MS = 160;
/** Longer than a failover may take. */
const PATIENCE_MS = 150_000;

/**
 * A producer that retries: what was refused for now or not answered is sent to the next gateway, until one has accepted
 * it. So each message is sent once or more.
 */
export class RetryingProducer {
  /** Number of attempts that were refused for now or not answered. */
  refusals = 0;
  #turn = 0;

  constructor(private readonly urls: () => readonly string[]) {}

  async update(message: Message): Promise<void> {
    await this.call(202, 'POST', '/api/updates', message);
  }

  /** @throws at any answer but the expected one and `unavailable`, or when it takes too long */
  async call(status: number, method: string, path: string, body?: unknown): Promise<Answer['body']> {
    const end = performance.now() + PATIENCE_MS;
    for (let pauseMs = AGAIN_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const answer = await this.#ask(method, path, body);
      if (answer?.status === status) return answer.body;
      const isOver = performance.now() > end;
      if ((answer !== null && answer.body.code !== 'unavailable') || isOver)
        throw new Error(`${method} ${path} was answered ${JSON.stringify(answer)}`);
      this.refusals++;
      await pause(pauseMs);
    }
  }

  /** Null: not answered. */
  async #ask(method: string, path: string, body: unknown): Promise<Answer | null> {
    const urls = this.urls();
    try {
      return await new Producer(urls[this.#turn++ % urls.length] ?? '').call(method, path, body);
    } catch (error) {
      if (error instanceof Unreachable) return null;
      throw error;
    }
  }
}
