import { setTimeout as pause } from 'node:timers/promises';
import { type Cursor, emailsPayload } from '../../domain/events.js';
import { backoff } from '../../redis/backoff.js';
import type { FeedEvent } from '../feed.js';
import type { Followers } from './followers.js';
import type { Message } from './message.js';
import { type ByteBudget, MessageBuffer } from './message-buffer.js';
import { ReadPosition } from './read-position.js';
import type { HistoryRead } from './redis-log.js';

export interface FeedReaderDeps {
  readonly read: (fileId: string, cursor: Cursor | null, upTo: number) => Promise<HistoryRead>;
  /** The history tells of a removal that no message told of. */
  readonly onRemoved: (fileId: string) => void;
  /** For how long a feed is kept after its last change. */
  readonly ttlMs: number;
  readonly budget: ByteBudget;
}

/**
 * One file's feed as its followers get it: the messages of its channel while they come without a gap, the history where
 * one shows or may be. Whatever is read of the history, live messages wait for it, so that all arrive in order.
 */
export class FeedReader {
  readonly #progress = new ReadPosition();
  readonly #backlog: MessageBuffer;
  /** Live messages wait. */
  #isHolding = true;
  #isStarted = false;
  /** The history has to be looked at (again). */
  #isBehind = false;
  #isReading = false;
  /** Since when no message can come; undefined: they come. */
  #awaySince: number | undefined;
  /** For how long none could, before the history is looked at. */
  #awayMs = 0;
  #server = '';
  /** The last message with a gap before it. */
  #suspect: Message | undefined;
  #ended = false;

  constructor(
    private readonly fileId: string,
    private readonly audience: Followers,
    private readonly deps: FeedReaderDeps,
  ) {
    this.#backlog = new MessageBuffer(deps.budget);
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Finds out where the feed stands; everything after that is handed on. To be called once its channel is subscribed to. */
  async start(): Promise<void> {
    let now: HistoryRead;
    do {
      this.#isBehind = false;
      now = await this.deps.read(this.fileId, null, 0);
    } while (this.#isBehind && !this.#ended);
    if (now.standing === 'kept') this.#progress.moveTo(now);
    this.#server = now.server;
    this.#isStarted = true;
    this.#release();
  }

  /** What was found on starting is out of date already. */
  restart(): void {
    this.#isBehind = true;
  }

  receive(message: Message): void {
    if (!this.#ended) this.#offer([message]);
  }

  /** No message can come any more, until `catchUp`. */
  subscriptionLost(): void {
    this.#awaySince ??= Date.now();
    this.#isHolding = true;
  }

  /** Messages come again: what was missed meanwhile is read from the history first. */
  catchUp(): void {
    this.#isBehind = true;
    this.#isHolding = true;
    if (this.#awaySince !== undefined) this.#awayMs += Date.now() - this.#awaySince;
    this.#awaySince = undefined;
    if (this.#isStarted && !this.#isReading) void this.#readOn();
  }

  end(): void {
    this.#ended = true;
    this.#backlog.take();
  }

  async #readOn(): Promise<void> {
    this.#isReading = true;
    for (let failures = 0; this.#isBehind && !this.#ended; ) {
      this.#isBehind = false;
      const now = await this.#readHistory();
      if (now !== null) {
        failures = 0;
        this.#arrive(now);
        this.#release();
      } else {
        // Without the history there is no going on, so ask until it answers.
        this.#isBehind = true;
        await pause(backoff(++failures), undefined, { ref: false });
      }
    }
    this.#isReading = false;
  }

  /** Null: it cannot be read now, as its connection has said. */
  async #readHistory(): Promise<HistoryRead | null> {
    const { epoch, emails } = this.#progress;
    const cursor = epoch === null ? null : { epoch, revision: emails };
    try {
      return await this.deps.read(this.fileId, cursor, Number.POSITIVE_INFINITY);
    } catch {
      return null;
    }
  }

  #arrive(now: HistoryRead): void {
    if (this.#ended) return;
    const { epoch, stats } = this.#progress;
    const isSameServer = now.server === this.#server;
    const awayMs = this.#awayMs;
    this.#server = now.server;
    this.#awayMs = 0;
    if (now.standing !== 'kept') {
      if (epoch === null) return;
      if (now.standing === 'removed') this.deps.onRemoved(this.fileId);
      // A feed that has run out on the server that we know had no change that we do not know of.
      else if (!isSameServer || awayMs >= this.deps.ttlMs) this.#tellGap('', 0);
      return;
    }
    if (now.missed === null) this.#tellGap(now.epoch, now.emailsRevision);
    for (const event of now.missed ?? []) this.#handOn(event);
    this.#progress.moveTo(now);
    if (epoch !== now.epoch || stats < now.revision)
      this.#handOn({ feed: 'stats', revision: now.revision, payload: now.stats });
  }

  /**
   * What is missing cannot be had any more. A `file_emails` without results that comes after itself says so: it is a
   * repeat to listeners who miss nothing, and the proof of a gap to all others.
   */
  #tellGap(epoch: string, revision: number): void {
    const { fileId } = this;
    const payload = emailsPayload({ fileId, epoch, revision, previous: revision }, [], []);
    this.#handOn({ feed: 'emails', revision, payload });
  }

  /** Hands on what waited, unless there is more to be read before it. */
  #release(): void {
    if (this.#isBehind || this.#awaySince !== undefined || this.#ended) return;
    this.#isHolding = false;
    this.#offer(this.#backlog.take());
  }

  #offer(messages: readonly Message[]): void {
    for (const message of messages) {
      switch (this.#isHolding ? 'held' : this.#progress.advance(message)) {
        case 'held':
          this.#hold(message);
          break;
        case 'next':
          this.#handOn(message);
          break;
        case 'missing':
          this.#lookBehind(message);
          break;
        case 'repeat':
          break;
      }
    }
  }

  #hold(message: Message): void {
    if (!this.#backlog.add(message)) this.#isBehind = true;
  }

  /** A message made the history be read; where it still shows a gap after that, the gap is there to stay. */
  #lookBehind(message: Message): void {
    if (message === this.#suspect) {
      this.#progress.skipTo(message);
      this.#handOn(message);
      return;
    }
    this.#suspect = message;
    this.catchUp();
    this.#hold(message);
  }

  #handOn(event: FeedEvent): void {
    if (!this.#ended) this.audience.event(event);
  }
}
