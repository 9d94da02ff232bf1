/** Delivers one file's feed to its followers, in order and without a gap, whatever its Redis channel loses. */

import { setTimeout as pause } from 'node:timers/promises';
import { type Cursor, emailsPayload } from '../../domain/events.js';
import type { Epoch, FileId } from '../../domain/id.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { backoff } from '../../waiting.js';
import type { FeedEvent } from '../feed.js';
import type { Followers } from './followers.js';
import { type ByteBudget, type Message, MessageBuffer } from './messages.js';
import { ReadPosition } from './read-position.js';
import type { HistoryRead } from './redis-log.js';

export interface FeedReaderDeps {
  readonly read: (fileId: FileId, cursor: Cursor | null, upTo: number) => Promise<HistoryRead>;
  /** Called where the history shows a removal whose message was lost. */
  readonly onRemoved: (fileId: FileId) => void;
  /** For how long a feed is kept after its last change. */
  readonly ttlMs: number;
  readonly budget: ByteBudget;
}

/**
 * A reader is in one of three states. *Not started*: the head is being read. *Live*: messages are delivered as they come.
 * *Catching up*: the history is being read, or the subscription is lost. Messages are buffered unless the reader is live.
 *
 *     not started ── head read ──▶ live ── gap, or subscription lost ──▶ catching up ── history delivered ──▶ live
 *
 * An example, with the revisions of `emails` events:
 *
 *     the head is at 3        live; whatever came up to 3 is not delivered (a snapshot has it)
 *     message 4 (after 3)     delivered
 *     message 6 (after 5)     5 is missing: catching up, 6 is buffered, the history after 4 is requested
 *     message 7 (after 6)     buffered
 *     history: 5, 6           both delivered, then the buffer: 6 is a repeat, 7 is delivered; live again
 *     history without 5       a gap notice is delivered, then the newest stats and the buffer; live again
 */
export class FeedReader {
  readonly #position = new ReadPosition();
  readonly #buffer: MessageBuffer;
  #isStarted = false;
  #isLive = false;
  /** The history has to be read (again) before the reader may be live. */
  #needsRead = false;
  #isReading = false;
  /** When the subscription was lost; undefined: it is there. */
  #lostAt: number | undefined;
  /** How long it was lost, in all, since the history was last read. */
  #lostMs = 0;
  /** The server process that answered the last read. */
  #server = '';
  /** The last message that showed a gap. */
  #gapMessage: Message | undefined;
  #ended = false;

  constructor(
    private readonly fileId: FileId,
    private readonly followers: Followers,
    private readonly deps: FeedReaderDeps,
  ) {
    this.#buffer = new MessageBuffer(deps.budget);
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Whether any change of the file was seen. */
  get hasSeenChanges(): boolean {
    return this.#position.stats > 0 || this.#position.emails > 0;
  }

  /** Reads the head; every later event is delivered. The channel has to be subscribed to before. */
  async start(): Promise<void> {
    let history: HistoryRead;
    do {
      this.#needsRead = false;
      history = await this.deps.read(this.fileId, null, 0);
    } while (this.#needsRead && !this.#ended);
    if (history.kind === 'kept') this.#position.moveTo(history);
    this.#server = history.server;
    this.#isStarted = true;
    this.#goLive();
  }

  /** Makes `start`, which is under way, read the head once more. */
  restart(): void {
    this.#needsRead = true;
  }

  receive(message: Message): void {
    if (!this.#ended) this.#process([message]);
  }

  /** No message can come until `catchUp` is called. */
  subscriptionLost(): void {
    this.#lostAt ??= performance.now();
    this.#isLive = false;
  }

  /** The channel is subscribed to (again); what may have been missed is read from the history. */
  catchUp(): void {
    this.#needsRead = true;
    this.#isLive = false;
    if (this.#lostAt !== undefined) this.#lostMs += performance.now() - this.#lostAt;
    this.#lostAt = undefined;
    if (this.#isStarted && !this.#isReading) void this.#readUntilLive();
  }

  end(): void {
    this.#ended = true;
    this.#buffer.take();
  }

  async #readUntilLive(): Promise<void> {
    this.#isReading = true;
    for (let failures = 0; this.#needsRead && !this.#ended; ) {
      this.#needsRead = false;
      const history = await this.#readHistory();
      if (history !== null) {
        failures = 0;
        this.#deliverHistory(history);
        this.#goLive();
      } else {
        // Delivering anything later than the history would leave a gap: try until it is read.
        this.#needsRead = true;
        await pause(backoff(++failures, REDIS_BACKOFF), undefined, { ref: false });
      }
    }
    this.#isReading = false;
  }

  /** Null: it failed; the connection has logged why. */
  #readHistory(): Promise<HistoryRead | null> {
    const { epoch, emails } = this.#position;
    const cursor = epoch === null ? null : { epoch, revision: emails };
    return this.deps.read(this.fileId, cursor, Number.POSITIVE_INFINITY).catch(() => null);
  }

  #deliverHistory(history: HistoryRead): void {
    if (this.#ended) return;
    const { epoch, stats } = this.#position;
    const isSameServer = history.server === this.#server;
    const lostMs = this.#lostMs;
    this.#server = history.server;
    this.#lostMs = 0;
    if (history.kind !== 'kept') {
      if (epoch === null) return;
      if (history.kind === 'removed') this.deps.onRemoved(this.fileId);
      // A change would have kept the feed for another `ttlMs`: on the same server, within that time, there was none.
      else if (!isSameServer || lostMs >= this.deps.ttlMs) this.#deliverGapNotice('', 0);
      return;
    }
    if (history.missed === null) this.#deliverGapNotice(history.epoch, history.emailsRevision);
    for (const event of history.missed ?? []) this.#deliver(event);
    this.#position.moveTo(history);
    if (epoch !== history.epoch || stats < history.revision)
      this.#deliver({ feed: 'stats', revision: history.revision, payload: history.stats });
  }

  /**
   * The missing events are lost. A `file_emails` without results whose `previous` is its own revision reports it: to a
   * listener that has every event up to there it is a repeat, to all others it shows the gap.
   */
  #deliverGapNotice(epoch: Epoch, revision: number): void {
    const payload = emailsPayload({ fileId: this.fileId, epoch, revision, previous: revision }, [], []);
    this.#deliver({ feed: 'emails', revision, payload });
  }

  /** Delivers the buffered messages and becomes live, unless there is more to read before them. */
  #goLive(): void {
    if (this.#needsRead || this.#lostAt !== undefined || this.#ended) return;
    this.#isLive = true;
    this.#process(this.#buffer.take());
  }

  /** Any of the messages may show a gap; those after it are then buffered. */
  #process(messages: readonly Message[]): void {
    for (const message of messages) {
      const relation = this.#isLive ? this.#position.advance(message) : 'not live';
      if (relation === 'next') this.#deliver(message);
      else if (relation === 'gap') this.#handleGap(message);
      else if (relation === 'not live') this.#addToBuffer(message);
    }
  }

  #addToBuffer(message: Message): void {
    if (!this.#buffer.add(message)) this.#needsRead = true;
  }

  /** Where a message still shows a gap after the history was read because of it, the missing events are lost. */
  #handleGap(message: Message): void {
    if (message === this.#gapMessage) {
      this.#position.skipTo(message);
      this.#deliver(message);
      return;
    }
    this.#gapMessage = message;
    this.catchUp();
    this.#addToBuffer(message);
  }

  #deliver(event: FeedEvent): void {
    if (!this.#ended) this.followers.event(event);
  }
}
