/** A producer and an operator in one: speaks to a gateway over HTTP and answers with what came back. */

/** An update as a producer writes it. Loose on purpose: the tests send what no schema would allow. */
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
  // The tests look into answers of every shape and compare them whole; the shapes are checked where they matter.
  readonly body: Record<string, unknown>;
}

export interface BatchList {
  requestId?: string;
  totalEmails?: number;
  batches: readonly { batchId: string; totalEmails?: number }[];
}

/** A gateway that does not answer is found out by the test that asked, not by the runner's time limit. */
const ANSWER_MS = 15_000;

/** Nobody answered: the gateway is not there, or went away in the middle. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** With several gateways that share their state, each call goes to the next of them. */
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

  /** The outcome of an update that must be taken. */
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
    try {
      const response = await fetch(`${this.url}${path}`, {
        ...request,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      throw new Unreachable(`${request.method ?? 'GET'} ${path} was not answered`, { cause: error });
    }
  }

  async #expect(status: number, method: string, path: string, body: unknown): Promise<Answer['body']> {
    const answer = await this.call(method, path, body);
    if (answer.status === status) return answer.body;
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}

export const pathOf = (fileId: string): string => `/api/files/${encodeURIComponent(fileId)}`;

/** A message about the first `upTo` of a batch's results; complete when told. */
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

/** Runs the tasks in order, so many of them at a time; the first that fails ends it. */
export async function inParallel(tasks: readonly (() => Promise<unknown>)[], atOnce: number): Promise<void> {
  const queue = tasks.values();
  const worker = async () => {
    for (const task of queue) await task();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
