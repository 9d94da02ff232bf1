/** A client of the REST calls, as a producer or an operator uses them. Every answer is compared with the document. */
import { expectDocumented, type RealAnswer } from './documented.js';

/** An update as a producer writes it. The type is loose on purpose: tests also send invalid updates. */
export interface Message {
  batchId: string;
  isComplete?: boolean;
  totalEmails?: number;
  processedCount?: number;
  validatedEmails?: unknown[];
  fileId?: string;
  requestId?: string;
  totalBatches?: number;
  failed?: boolean;
  error?: string;
}

export interface Answer {
  readonly status: number;
  // Tests compare bodies as a whole and check the shapes where they matter.
  readonly body: Record<string, unknown>;
}

export interface BatchList {
  requestId?: string;
  totalEmails?: number;
  batches: readonly { batchId: string; totalEmails?: number }[];
}

/** Shorter than the runner's time limit, so that the test that called sees the failure. */
const ANSWER_MS = 60_000;

/** The gateway did not answer: it is not running, or it was stopped meanwhile. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** If there are several gateways, each call goes to the next one. */
export class Producer {
  readonly #urls: readonly string[];
  #turn = 0;

  constructor(...urls: readonly string[]) {
    this.#urls = urls;
  }

  get url(): string {
    return this.#urls[this.#turn++ % this.#urls.length] ?? '';
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const { status, text } = await this.#fetch(path, {
      method,
      ...(content !== undefined && { body: content }),
    });
    return { status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  /** Sends an update that must be accepted. @returns its outcome */
  async update(message: Message): Promise<string> {
    return String((await this.#expect(202, 'POST', '/api/updates', message)).outcome);
  }

  async register(fileId: string, batches: BatchList): Promise<void> {
    await this.#expect(201, 'POST', `${pathOf(fileId)}/batches`, batches);
  }

  async text(path: string): Promise<string> {
    const { status, text } = await this.#fetch(path, {});
    if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${text}`);
    return text;
  }

  async #fetch(path: string, request: RequestInit): Promise<{ status: number; text: string }> {
    const url = `${this.url}${path}`;
    let answer: RealAnswer;
    try {
      const response = await fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_MS) });
      answer = { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      throw new Unreachable(`${request.method ?? 'GET'} ${path} was not answered`, { cause: error });
    }
    // Every answer of a gateway has this header; a balancer in front of it answers otherwise.
    if (answer.headers.has('x-content-type-options')) expectDocumented(request.method ?? 'GET', url, answer);
    return answer;
  }

  async #expect(status: number, method: string, path: string, body: unknown): Promise<Answer['body']> {
    const answer = await this.call(method, path, body);
    if (answer.status === status) return answer.body;
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}

export const pathOf = (fileId: string): string => `/api/files/${encodeURIComponent(fileId)}`;

/** A message with the first `upTo` results of a batch; complete only if `isComplete` is set. */
export function message(
  batchId: string,
  results: readonly unknown[],
  { upTo = results.length, total = results.length, isComplete = false, ...more } = {} as {
    upTo?: number;
    total?: number;
    isComplete?: boolean;
  } & Partial<Message>,
): Message {
  return {
    batchId,
    isComplete,
    totalEmails: total,
    processedCount: upTo,
    validatedEmails: results.slice(0, upTo),
    ...more,
  };
}

/** Runs the tasks in order, `atOnce` in parallel. The first failure ends it. */
export async function inParallel(tasks: readonly (() => Promise<unknown>)[], atOnce: number): Promise<void> {
  const queue = tasks.values();
  const worker = async () => {
    for (const task of queue) await task();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
