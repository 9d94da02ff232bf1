/** A listener that implements the documented socket protocol and checks every rule of it. */
import { isDeepStrictEqual } from 'node:util';
import { io, type Socket } from 'socket.io-client';
import { FeedChecker } from './feed-checker.js';
import type { Cursor, EmailsEvent, Feed, FeedEvent, Refusal, StatsEvent, Subscription } from './protocol.js';
import { allOf } from './reading.js';
import { type Entry, tally } from './tally.js';
import { onTeardown } from './teardown.js';
import { Signal } from './wait.js';

export interface ListenOptions {
  feeds?: Feed[];
  transports?: ('websocket' | 'polling')[];
  emailsPerEvent?: number;
  /**
   * Tolerates outages: retries a retryable refusal, and accepts that stats were skipped while its gateway was
   * disconnected.
   */
  isPatient?: boolean;
}

const AGAIN_MS = 50;

/**
 * It keeps a copy of one file, using only what the documentation of the socket says. It never reconnects by itself: the
 * test decides when.
 */
export class StrictListener {
  readonly signal = new Signal();
  readonly copy = new Map<string, Entry>();
  readonly answers: Subscription[] = [];
  readonly events: FeedEvent[] = [];
  stats: StatsEvent | null = null;
  cursor: Cursor | null = null;
  /** Gaps while connected, apart from a new epoch. */
  gaps = 0;
  isDeleted = false;
  draining: { reconnectInMs: number } | null = null;
  isConnected = false;
  readonly #check: FeedChecker;
  readonly #feeds: Feed[];
  #socket: Socket | null = null;
  #live = false;
  #early: FeedEvent[] = [];
  #asked = 0;
  /** The copy has matched the feed from its first event on, so it can be compared with each of the stats. */
  #exact = false;

  constructor(
    readonly fileId: string,
    private readonly options: ListenOptions = {},
  ) {
    this.#feeds = options.feeds ?? ['stats', 'emails'];
    // Between two polls something is always queued, and then only the newest stats are sent.
    const mayMissStats = options.isPatient === true || options.transports?.includes('polling') === true;
    this.#check = new FeedChecker(fileId, this.#feeds, options.emailsPerEvent ?? 500, mayMissStats);
    onTeardown(() => this.leave());
  }

  get faults(): readonly string[] {
    return this.#check.faults;
  }

  /**
   * Connects and subscribes from its last position. Fulfilled when it has caught up with the answer, or has
   * disconnected.
   */
  async join(url: string): Promise<this> {
    const socket = this.begin(url);
    await this.until(() => this.#live || this.#socket !== socket);
    return this;
  }

  /** As `join`, without waiting. */
  begin(url: string): Socket {
    this.leave();
    const { transports = ['websocket'] } = this.options;
    const socket = io(url, { transports, forceNew: true, reconnection: false });
    this.#socket = socket;
    socket.on('connect', () => {
      this.isConnected = true;
      this.#ask(url);
    });
    socket.on('connect_error', (error) => this.#check.fault(`could not connect: ${error.message}`));
    socket.on('disconnect', () => this.#gone());
    socket.on('file_stats', (body: StatsEvent) => this.#receive(url, { feed: 'stats', body }));
    socket.on('file_emails', (body: EmailsEvent) => this.#receive(url, { feed: 'emails', body }));
    socket.on('file_deleted', () => {
      this.isDeleted = true;
      this.signal.changed();
    });
    socket.on('server_draining', (advice: { reconnectInMs: number }) => {
      this.draining = advice;
      this.signal.changed();
    });
    return socket;
  }

  /** Disconnects. */
  leave(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
    this.#gone();
  }

  until(condition: () => boolean, withinMs?: number): Promise<void> {
    return this.signal.until(condition, () => this.#described(condition), withinMs);
  }

  /** Whether every event up to the one with this result has arrived. */
  has(batchId: string, position = 0): boolean {
    return this.#live && this.copy.has(keyOf({ batchId, position }));
  }

  /** Whether it has the stats of that revision and, if it listens to results, the first result of the batch. */
  isUpTo({ epoch, revision }: Cursor, batchId: string): boolean {
    const { stats } = this;
    const hasStats = stats?.epoch === epoch && stats.revision >= revision;
    return this.#live && (hasStats || !this.hears('stats')) && (this.has(batchId) || !this.hears('emails'));
  }

  hears(feed: Feed): boolean {
    return this.#feeds.includes(feed);
  }

  /** The copy, in the order of the given batches. */
  results(batchIds: readonly string[]): Entry[] {
    const order = new Map(batchIds.map((batchId, index) => [batchId, index]));
    const rank = ({ batchId }: Entry) => order.get(batchId) ?? batchIds.length;
    return [...this.copy.values()].sort((a, b) => rank(a) - rank(b) || a.position - b.position);
  }

  emailsEvents(): EmailsEvent[] {
    return this.events.flatMap((event) => (event.feed === 'emails' ? [event.body] : []));
  }

  #gone(): void {
    this.isConnected = false;
    this.#live = false;
    this.#early = [];
    this.#asked++;
    this.signal.changed();
  }

  #ask(url: string): void {
    const number = ++this.#asked;
    this.#live = false;
    const since = this.cursor;
    const request = { fileId: this.fileId, feeds: this.#feeds, ...(since && { since }) };
    this.#socket?.emit('subscribe', request, (answer: Subscription | Refusal) => {
      if (number !== this.#asked) return;
      this.#answered(url, number, since, answer).catch((error: unknown) => {
        if (this.options.isPatient) this.#askAgain(url, number);
        else this.#check.fault(`an answer could not be taken in: ${String(error)}`);
      });
    });
  }

  #askAgain(url: string, number: number): void {
    setTimeout(() => {
      if (number === this.#asked) this.#ask(url);
    }, AGAIN_MS);
  }

  async #answered(
    url: string,
    number: number,
    since: Cursor | null,
    answer: Subscription | Refusal,
  ): Promise<void> {
    if (!answer.ok) {
      if (this.options.isPatient && answer.error.retryable) return this.#askAgain(url, number);
      this.#check.fault(`refused: ${JSON.stringify(answer.error)}`);
      return;
    }
    const base = answer.emails === undefined ? null : await allOf(url, this.fileId, answer.emails);
    if (number !== this.#asked) return;
    this.#check.answer(answer, since, this.stats);
    this.answers.push(answer);
    if (!answer.recovered) {
      this.copy.clear();
      for (const entry of base ?? []) this.copy.set(keyOf(entry), entry);
      this.#exact = base?.length === 0 && answer.stats.progress.processed === 0;
    }
    for (const event of answer.missed ?? []) this.#apply(event);
    this.cursor = { epoch: answer.epoch, revision: answer.revision };
    this.stats = answer.stats;
    this.#compare();
    this.#live = true;
    for (const event of this.#early.splice(0)) this.#receive(url, event);
    this.signal.changed();
  }

  #receive(url: string, event: FeedEvent): void {
    const { cursor } = this;
    if (!this.#live || cursor === null) {
      this.#early.push(event);
      return;
    }
    const { epoch, revision } = event.body;
    if (epoch === cursor.epoch && this.#isRepeat(event, revision)) return;
    const missing = event.feed === 'emails' && event.body.previous > cursor.revision;
    if (epoch !== cursor.epoch || missing) {
      if (epoch === cursor.epoch) this.gaps++;
      this.#ask(url);
      // Events that have arrived may follow the answer or be part of it.
      if (epoch === cursor.epoch) this.#early.push(event);
      return;
    }
    this.#check.event(event);
    this.events.push(event);
    if (event.feed === 'emails') {
      this.#apply(event.body);
      this.cursor = { epoch, revision };
    } else {
      this.stats = event.body;
      this.#compare();
    }
    this.signal.changed();
  }

  #isRepeat({ feed }: FeedEvent, revision: number): boolean {
    return feed === 'stats'
      ? revision <= (this.stats?.revision ?? -1)
      : revision <= (this.cursor?.revision ?? -1);
  }

  #apply({ emails, truncated = [] }: EmailsEvent): void {
    for (const { batchId, length } of truncated) {
      for (const [key, entry] of this.copy) {
        if (entry.batchId === batchId && entry.position >= length) this.copy.delete(key);
      }
    }
    for (const entry of emails) this.copy.set(keyOf(entry), entry);
  }

  /** The stats of a revision must count exactly the results announced up to it. */
  #compare(): void {
    if (!this.#exact || this.stats === null || this.#feeds.length < 2) return;
    const { processed, ...counts } = tally(this.copy.values());
    const { progress, stats, risk, revision } = this.stats;
    if (progress.processed !== processed || !isDeepStrictEqual({ stats, risk }, counts))
      this.#check.fault(`the stats of revision ${revision} count other results than were announced`);
  }

  #described(condition: () => boolean): string {
    const { fileId, cursor, stats, copy, gaps, faults } = this;
    const size = copy.size;
    return JSON.stringify({
      for: String(condition),
      fileId,
      live: this.#live,
      cursor,
      size,
      gaps,
      faults,
      stats,
    });
  }
}

const keyOf = ({ batchId, position }: { batchId: string; position: number }) => `${batchId}\n${position}`;
