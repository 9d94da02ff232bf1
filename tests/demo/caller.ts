/** Starts simulated validators for tests, and calls them. */
import { createValidator, type ValidatorOptions } from '../../demo/validator/validator.js';
import { onTeardown } from '../support/teardown.js';

export const KEY = 'a-key';
export const FLAGS = {
  check_mx: true,
  check_smtp: true,
  check_disposable: true,
  check_catch_all: true,
  check_blacklist: true,
};

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Accepted {
  readonly requestId?: string;
  readonly batchId?: string;
  readonly batchIds: readonly string[];
}

/** A validator that works as fast as it can and is closed after the test, with a client of its calls. */
export class Caller {
  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(options: Partial<ValidatorOptions> = {}): Promise<Caller> {
    const validator = createValidator({
      // No server listens there.
      gatewayUrl: 'http://127.0.0.1:9',
      apiKey: KEY,
      rate: 0,
      answerDelayMs: 0,
      retryMs: [1, 10],
      graceMs: 0,
      ...options,
    });
    await validator.start();
    onTeardown(() => validator.close());
    return new Caller(validator.url, () => validator.close());
  }

  async call(path: string, init: RequestInit = {}): Promise<Reply> {
    const response = await fetch(`${this.url}${path}`, { redirect: 'manual', ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Sends a submission. A header that is null is left out. */
  post(body: unknown, changes: Record<string, string | null> = {}): Promise<Reply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.call('/validate-batch', { method: 'POST', body: text, headers: headersWith(changes) });
  }

  get(path: string, changes: Record<string, string | null> = {}): Promise<Reply> {
    return this.call(path, { headers: headersWith(changes) });
  }

  /** Submits addresses that must be accepted. */
  async submit(emails: readonly string[]): Promise<Accepted> {
    const { text } = await this.post({ emails, ...FLAGS });
    const answer = JSON.parse(text) as Accepted;
    return { ...answer, batchIds: answer.batchIds ?? [answer.batchId ?? ''] };
  }
}

function headersWith(changes: Record<string, string | null>): Headers {
  const headers = new Headers({
    'X-API-Key': KEY,
    'X-User-ID': 'user-1',
    'X-Client-ID': 'verigate',
    'content-type': 'application/json',
  });
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}

/** `a0@example.com`, `a1@example.com` … */
export const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `a${i}@example.com`);
