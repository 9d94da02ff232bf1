/** Listens to one file over a Socket.IO client. */

import { ConnectionWatch } from './connection-watch.js';
import { type FeedEvent, FeedLog } from './feed-log.js';
import type { FileListener, ListenerOptions, ListenerState } from './listener-options.js';
import type {
  Feed,
  FileEmails,
  ListenerSocket,
  Refusal,
  Refused,
  Stats,
  SubscribeAnswer,
  Subscribed,
} from './protocol.js';
import { retryPause } from './retry.js';
import { isEmailsEvent, isSubscribed } from './shapes.js';
import { feedsWanted, join, leave } from './shared-sockets.js';
import { TokenKeeper } from './token-keeper.js';

/** After being live for this long, the next retry starts from the shortest wait again. */
const STABLE_MS = 10_000;
const ANSWER_TIME_MS = 10_000;
const LONGEST_ANSWER_TIME_MS = 60_000;

/**
 * Listens to one file through disconnects, gaps and repeats. Every change of the file reaches the callbacks once and in
 * order, or `onSnapshot` says to start over. Several listeners may share a socket and a file.
 */
export function listenToFile(socket: ListenerSocket, fileId: string, options: ListenerOptions): FileListener {
  return new Listening(socket, fileId, options);
}

class Listening implements FileListener {
  state: ListenerState = { state: 'catching-up', since: Date.now() };
  readonly feeds: readonly Feed[];
  readonly #socket: ListenerSocket;
  readonly #fileId: string;
  readonly #options: ListenerOptions;
  readonly #handlers: Record<string, (...args: unknown[]) => void>;
  readonly #keeper: TokenKeeper | undefined;
  readonly #log = new FeedLog();
  #reported: ListenerState | undefined;
  /** The number of the newest request: answers to older ones are ignored. */
  #request = 0;
  #failures = 0;
  /** Requests that were not answered in time, since the last one that was answered with a subscription. */
  #timeouts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(socket: ListenerSocket, fileId: string, options: ListenerOptions) {
    this.#socket = socket;
    this.#fileId = fileId;
    this.#options = options;
    this.#keeper = options.token === undefined ? undefined : TokenKeeper.of(socket, options.token);
    this.feeds = options.feeds ?? ['stats', 'emails'];
    this.#handlers = {
      ...new ConnectionWatch(socket, this).handlers,
      file_stats: (body) => this.#onEvent({ kind: 'stats', body: body as Stats }),
      file_emails: (body) => this.#onEvent({ kind: 'emails', body: body as FileEmails }),
      file_deleted: (body) => this.#onDeleted(body as { fileId: string }),
      unsubscribed: (body) => this.#onUnsubscribed(body as { fileId: string; code: string }),
    };
    join(socket, fileId, this);
    for (const [event, handler] of Object.entries(this.#handlers)) socket.on(event, handler);
    this.#reportState();
    this.#subscribe();
  }

  resume(): void {
    if (this.state.state === 'stale') this.#subscribe();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const [event, handler] of Object.entries(this.#handlers)) this.#socket.off(event, handler);
    leave(this.#socket, this.#fileId, this);
    this.#unsubscribeIfLast();
  }

  #unsubscribeIfLast(): void {
    if (this.#socket.connected && feedsWanted(this.#socket, this.#fileId).length === 0) {
      this.#socket.emit('unsubscribe', { fileId: this.#fileId }, (answer: unknown) => {
        // Refused for now (too many requests): without a retry the socket would keep getting this file's events.
        const { ok, error } = (answer ?? {}) as { ok?: boolean; error?: Refusal };
        if (ok === false && error?.retryable) this.#wait(1000, () => this.#unsubscribeIfLast());
      });
    }
  }

  connected(cutOff: string | undefined): void {
    if (cutOff !== undefined) this.#options.onCutOff?.(cutOff);
    this.#subscribe();
  }

  disconnected(reason: 'disconnected' | 'draining'): void {
    this.#abandonRequest();
    this.#enter({ state: 'stale', since: this.#outOfDateSince(), reason });
  }

  failed(error: Refusal | undefined): void {
    const refusal = error && { error };
    this.#enter({ state: 'stale', since: this.#outOfDateSince(), reason: 'disconnected', ...refusal });
  }

  mustConnect(afterMs = this.#pauseOfFailure()): void {
    this.#wait(Math.max(0, afterMs), () => this.#socket.connect());
  }

  #subscribe(): void {
    if (this.#closed || !this.#socket.connected) return; // the connect handler subscribes
    this.#enter({ state: 'catching-up', since: this.#outOfDateSince() });
    this.#log.dropOtherEpochs();
    const request = ++this.#request;
    this.#wait(this.#answerTime(), () => {
      this.#timeouts += 1;
      this.#refused({ code: 'timeout', message: 'The gateway did not answer in time.', retryable: true });
    });
    // Without the emails feed nothing is recovered: the stats of the answer are complete.
    const since = this.feeds.includes('emails') ? this.#log.position : undefined;
    // The feeds of all listeners of this file: the subscription of one must not end another's feed.
    const feeds = feedsWanted(this.#socket, this.#fileId);
    this.#socket.emit(
      'subscribe',
      { fileId: this.#fileId, feeds, ...(since && { since }) },
      (answer: unknown) => {
        // Closed before the answer: an unsubscribe that overtook this request must be sent again.
        if (this.#closed) this.#unsubscribeIfLast();
        else if (request === this.#request) this.#answered(answer as SubscribeAnswer | undefined);
      },
    );
  }

  /** Twice as long after each one that was not enough: where thousands come back, their turn comes later than they gave up. */
  #answerTime(): number {
    const ms = this.#options.ackTimeoutMs ?? ANSWER_TIME_MS;
    return Math.min(ms * 2 ** Math.min(this.#timeouts, 20), Math.max(ms, LONGEST_ANSWER_TIME_MS));
  }

  #answered(answer: SubscribeAnswer | undefined): void {
    if (!isSubscribed(answer)) {
      this.#refused(
        (answer as Refused | undefined)?.error ?? {
          code: 'unavailable',
          message: 'The answer is not valid.',
          retryable: true,
        },
      );
      return;
    }
    this.#abandonRequest();
    this.#timeouts = 0;
    this.state = { state: 'live', since: Date.now() };
    const held = this.#log.takeHeld();
    if (answer.recovered) this.#catchUp(answer);
    else this.#startOver(answer);
    for (const event of held) this.#onEvent(event);
    this.#reportState();
  }

  #startOver(answer: Subscribed): void {
    const { fileId, epoch, revision, stats, emails } = answer;
    this.#log.startOver(answer);
    this.#options.onSnapshot?.({ fileId, epoch, revision, stats, ...(emails && { emails }) });
  }

  #catchUp(answer: Subscribed): void {
    for (const body of answer.missed ?? []) this.#onEvent({ kind: 'emails', body });
    if (this.state.state === 'live') this.#log.caughtUp(answer);
    this.#onEvent({ kind: 'stats', body: answer.stats });
  }

  #onEvent(event: FeedEvent): void {
    if (this.#closed || event.body?.fileId !== this.#fileId || !this.feeds.includes(event.kind)) return;
    if (event.kind === 'emails' && !isEmailsEvent(event.body)) return;
    if (this.state.state !== 'live') {
      this.#log.hold(event);
      return;
    }
    const order = this.#log.offer(event);
    if (order === 'missing') this.#onGap(event);
    else if (order === 'next') this.#deliver(event);
  }

  #deliver(event: FeedEvent): void {
    if (event.kind === 'stats') {
      this.#options.onStats?.(event.body);
      return;
    }
    if (event.body.truncated?.length) this.#options.onTruncated?.(event.body.truncated, event.body);
    this.#options.onEmails?.(event.body);
  }

  /** An event before this one is missing: subscribe again to get it. */
  #onGap(event: FeedEvent): void {
    this.#log.hold(event);
    this.#enter({ state: 'catching-up', since: Date.now() });
    // The first gap is closed at once; repeated ones with growing pauses.
    const pause = this.#pauseOfFailure();
    this.#wait(this.#failures === 1 ? 0 : pause, () => this.#subscribe());
  }

  #onDeleted(body: { fileId?: string } | undefined): void {
    if (body?.fileId !== this.#fileId) return;
    this.#log.forget();
    this.#options.onDeleted?.();
    // An answer on its way may still have the deleted file: ask again, and ignore that answer.
    if (this.state.state === 'catching-up') this.#subscribe();
  }

  #onUnsubscribed(body: { fileId?: string; code?: string } | undefined): void {
    if (body?.fileId !== this.#fileId) return;
    this.#abandonRequest();
    this.#enter({ state: 'stale', since: this.#outOfDateSince(), reason: 'unsubscribed' });
    this.#options.onUnsubscribed?.(String(body.code));
    // The time for a refresh was missed, for instance while the machine slept.
    if (body.code === 'token_expired') void this.#keeper?.refresh().then((done) => done && this.resume());
  }

  #refused(error: Refusal): void {
    this.#abandonRequest();
    this.#enter({ state: 'stale', since: this.#outOfDateSince(), reason: 'refused', error });
    if (!error.retryable) return;
    this.#wait(this.#pauseOfFailure(), () => this.#subscribe());
  }

  #abandonRequest(): void {
    this.#request += 1;
    clearTimeout(this.#timer);
  }

  /** Counts a failure. */
  #pauseOfFailure(): number {
    this.#failures += 1;
    const { retryMinMs, retryMaxMs } = this.#options;
    return retryPause(this.#failures, retryMinMs, retryMaxMs);
  }

  /** One timer is enough: the listener waits for an answer, a retry or a connection, never for two of them. */
  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  #outOfDateSince(): number {
    return this.state.state === 'live' ? Date.now() : this.state.since;
  }

  #enter(next: ListenerState): void {
    if (this.state.state === 'live' && Date.now() - this.state.since > STABLE_MS) this.#failures = 0;
    this.state = next;
    this.#reportState();
  }

  #reportState(): void {
    const reported = this.#reported;
    if (this.#closed || reported === this.state) return;
    this.#reported = this.state;
    if (reported?.state !== this.state.state || this.state.state === 'stale')
      this.#options.onState?.(this.state);
  }
}
