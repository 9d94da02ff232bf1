import type {
  FileEmails,
  ListenerSocket,
  PlacedResult,
  Stats,
  SubscribeAnswer,
  SubscribeRequest,
  Truncation,
} from '../../src/client/index.js';

export const FILE = 'f1';

type Ack = (answer: unknown) => void;
type Message = { event: string; body: unknown } | { ack: Ack; answer: unknown };

/**
 * One file's feed and the wire to one listener, both ends of it in our hands: nothing is answered or arrives before
 * the test says so. The feed is honest (`previous` chains, history without holes); the wire is not.
 */
export class FakeGateway implements ListenerSocket {
  connected = false;
  readonly requests: { event: string; request: SubscribeRequest; ack: Ack }[] = [];
  readonly wire: Message[] = [];
  readonly batches = new Map<string, PlacedResult[]>();
  connects = 0;
  epoch = 1;
  revision = 0;
  #lastEmails = 0;
  #history: FileEmails[] = [];
  #handlers: { event: string; handler: (...args: unknown[]) => void }[] = [];

  on(event: string, handler: (...args: unknown[]) => void): void {
    this.#handlers.push({ event, handler });
  }

  off(event: string, handler: (...args: unknown[]) => void): void {
    this.#handlers = this.#handlers.filter((one) => one.event !== event || one.handler !== handler);
  }

  get handlerCount(): number {
    return this.#handlers.length;
  }

  emit(event: string, ...args: unknown[]): void {
    const [request, ack] = args;
    this.requests.push({ event, request: request as SubscribeRequest, ack: ack as Ack });
  }

  connect(): void {
    this.connects += 1;
    if (this.connected) return;
    this.connected = true;
    this.fire('connect');
  }

  disconnect(): void {
    this.drop('io client disconnect');
  }

  /** The connection is gone, and with it all that was under way in either direction. */
  drop(reason = 'transport close', closeFrame?: string): void {
    if (!this.connected) return;
    this.connected = false;
    this.wire.length = 0;
    this.requests.length = 0;
    this.fire(
      'disconnect',
      reason,
      closeFrame === undefined ? undefined : { context: { reason: closeFrame } },
    );
  }

  fire(event: string, ...args: unknown[]): void {
    for (const one of this.#handlers.filter((entry) => entry.event === event)) one.handler(...args);
  }

  /** A flush: the batch's list becomes `emails`; one revision for both events. */
  change(batchId: string, emails: readonly string[]): FileEmails {
    const before = this.batches.get(batchId) ?? [];
    const after = emails.map((email, position) => result(batchId, position, email));
    this.batches.set(batchId, after);
    const truncated: Truncation[] = after.length < before.length ? [{ batchId, length: after.length }] : [];
    this.revision += 1;
    const event: FileEmails = {
      fileId: FILE,
      epoch: `e${this.epoch}`,
      revision: this.revision,
      previous: this.#lastEmails,
      ...(truncated.length > 0 && { truncated }),
      emails: after.filter((one, position) => before[position]?.email !== one.email),
    };
    this.#lastEmails = this.revision;
    this.#history.push(event);
    this.send('file_stats', this.stats());
    this.send('file_emails', event);
    return event;
  }

  /** A revision without emails: a batch that failed, say. */
  changeStatsOnly(): Stats {
    this.revision += 1;
    this.send('file_stats', this.stats());
    return this.stats();
  }

  /** A later request replaced the file's results, or the storage was reset. */
  startNewEpoch(): void {
    this.epoch += 1;
    this.revision = 0;
    this.#lastEmails = 0;
    this.#history = [];
    this.batches.clear();
  }

  deleteFile(): void {
    this.startNewEpoch();
    this.send('file_deleted', { fileId: FILE });
  }

  forgetHistory(): void {
    this.#history = [];
  }

  send(event: string, body: unknown): void {
    if (this.connected) this.wire.push({ event, body });
  }

  /** Reads the oldest request now; the answer is on the wire from here on. */
  answer(answer?: SubscribeAnswer): void {
    const next = this.requests.shift();
    if (next?.event === 'subscribe') {
      this.wire.push({ ack: next.ack, answer: structuredClone(answer ?? this.subscribed(next.request)) });
    }
  }

  deliver(): void {
    const message = this.wire.shift();
    if (message === undefined) return;
    if ('ack' in message) message.ack(message.answer);
    else this.fire(message.event, message.body);
  }

  settle(): void {
    while (this.requests.length > 0 || this.wire.length > 0) {
      this.answer();
      this.deliver();
    }
  }

  subscribed({ since }: SubscribeRequest): SubscribeAnswer {
    const base = {
      ok: true as const,
      fileId: FILE,
      epoch: `e${this.epoch}`,
      revision: this.revision,
      stats: this.stats(),
    };
    const missed = this.#history.filter((event) => event.revision > (since?.revision ?? 0));
    // Kept without a hole from `since` on: the first one missed, or none at all, must follow it.
    const unbroken = (missed[0]?.previous ?? this.#lastEmails) <= (since?.revision ?? -1);
    if (since?.epoch === base.epoch && unbroken) return { ...base, recovered: true, missed };
    const emails = this.results();
    const pagination = { total: emails.length, page: 1, limit: 500, pages: 1 };
    return { ...base, recovered: false, emails: { emails, pagination } };
  }

  results(): PlacedResult[] {
    return [...this.batches.values()].flat();
  }

  stats(): Stats {
    const processed = this.results().length;
    return {
      fileId: FILE,
      epoch: `e${this.epoch}`,
      revision: this.revision,
      status: this.revision === 0 ? 'pending' : 'processing',
      progress: { total: 100, processed, skipped: 0, percentage: processed },
      batches: { total: 3, completed: 0, failed: 0, stalled: 0 },
      stats: {
        deliverable: { count: processed },
        undeliverable: { count: 0, categories: {} },
        risky: { count: 0, categories: {} },
        unknown: { count: 0, categories: {} },
      },
      risk: { none: 0, low: processed, medium: 0, high: 0 },
      throughput: { emailsPerSecond: 0, etaSeconds: 0 },
      submission: null,
      createdAt: null,
      lastUpdated: null,
      completedAt: null,
    };
  }
}

export function result(batchId: string, position: number, email: string): PlacedResult {
  return {
    batchId,
    position,
    email,
    status: 'deliverable',
    is_valid: true,
    risk_level: 'low',
    deliverability_score: 90,
    details: {},
  };
}
