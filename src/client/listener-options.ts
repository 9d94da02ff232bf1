import type { EmailsPage, Feed, FeedPosition, FileEmails, Refusal, Stats, Truncation } from './protocol.js';
import type { TokenSource } from './token-keeper.js';

/** Start over: nothing that was held before counts. `emails` is the first page, REST has the others. */
export interface Snapshot extends FeedPosition {
  fileId: string;
  stats: Stats;
  emails?: EmailsPage;
}

/** `refused` (unless retryable) and `unsubscribed` last until the next connection or `resume()`. */
export type StaleReason = 'disconnected' | 'draining' | 'refused' | 'unsubscribed';

/**
 * How far what you hold can be trusted. `since` is milliseconds since 1970: live since then, or, in the other two
 * states, possibly out of date since then.
 */
export type ListenerState =
  | { state: 'live'; since: number }
  | { state: 'catching-up'; since: number }
  | { state: 'stale'; since: number; reason: StaleReason; error?: Refusal };

export interface ListenerOptions {
  /**
   * For gateways that want one: the token, or a function that gets a fresh one; it is asked at each connection, and again
   * before the token runs out. It is the socket's: the first listener's counts.
   */
  token?: TokenSource;
  /** Both, unless told. */
  feeds?: readonly Feed[];
  onSnapshot?(snapshot: Snapshot): void;
  onStats?(stats: Stats): void;
  /** Before the `onEmails` of the same event: drop the places of each batch from `length` on. */
  onTruncated?(truncated: Truncation[], event: FileEmails): void;
  onEmails?(event: FileEmails): void;
  /** The file's addresses are gone: drop them. A file of the same id may come to life later; a snapshot says so. */
  onDeleted?(): void;
  onUnsubscribed?(code: string): void;
  /** `live` is said after what was missed has been handed over. */
  onState?(state: ListenerState): void;
  ackTimeoutMs?: number;
  retryMinMs?: number;
  retryMaxMs?: number;
}

export interface FileListener {
  readonly state: ListenerState;
  /** Subscribe again after `unsubscribed` or a final refusal, for instance with a refreshed token. */
  resume(): void;
  close(): void;
}
