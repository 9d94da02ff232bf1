/** The options, callbacks and states of a listener. */
import type { EmailsPage, Feed, FeedPosition, FileEmails, Refusal, Stats, Truncation } from './protocol.js';
import type { TokenSource } from './token-keeper.js';

/** Start over: discard everything received before. `emails` is the first page; read the others over REST. */
export interface Snapshot extends FeedPosition {
  fileId: string;
  stats: Stats;
  emails?: EmailsPage;
}

/** `refused` (unless retryable) and `unsubscribed` last until the next connection or `resume()`. */
export type StaleReason = 'disconnected' | 'draining' | 'refused' | 'unsubscribed';

/**
 * Whether the data received is up to date. `since` is in milliseconds since 1970: live since then, or, in the other two
 * states, possibly out of date since then.
 */
export type ListenerState =
  | { state: 'live'; since: number }
  | { state: 'catching-up'; since: number }
  | { state: 'stale'; since: number; reason: StaleReason; error?: Refusal };

export interface ListenerOptions {
  /**
   * For gateways with `AUTH=jwt`: the token, or a function that returns a fresh one. The function is called at each
   * connection, and before the token expires. A socket has one token: that of its first listener is used.
   */
  token?: TokenSource;
  /** Default: both. */
  feeds?: readonly Feed[];
  onSnapshot?(snapshot: Snapshot): void;
  onStats?(stats: Stats): void;
  /** Called before the `onEmails` of the same event: drop each batch's results from position `length` on. */
  onTruncated?(truncated: Truncation[], event: FileEmails): void;
  onEmails?(event: FileEmails): void;
  /** The file was deleted: drop its addresses. If its id is used again, a snapshot follows. */
  onDeleted?(): void;
  onUnsubscribed?(code: string): void;
  /** Connected again, after the gateway had closed the connection with this reason: `slow_consumer`, `revoked`. */
  onCutOff?(reason: string): void;
  /** `live` is reported after the missed events were delivered. */
  onState?(state: ListenerState): void;
  /** How long an answer is waited for, 10,000 if not given; up to a minute after answers that came too late. */
  ackTimeoutMs?: number;
  retryMinMs?: number;
  retryMaxMs?: number;
}

export interface FileListener {
  readonly state: ListenerState;
  /** Subscribes again after `unsubscribed` or a final refusal, for instance with a refreshed token. */
  resume(): void;
  close(): void;
}
