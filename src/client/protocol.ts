/**
 * The requests, answers and events between the gateway and the listeners of a file. Types only: they are erased when
 * compiled, so the SDK imports nothing from outside its folder.
 */
import type { Cursor, EmailEntry, FeedName, Refused, Subscribed } from '../domain/events.js';

export type {
  EmailsPage,
  FileEmails,
  Refused,
  Subscribed,
  SubscribeRequest,
  Truncation,
} from '../domain/events.js';
export type { FileStatus, Stats } from '../domain/stats.js';
export type { RiskLevel, Status } from '../domain/verdict.js';

export type Feed = FeedName;
/** A position in a file's feed. */
export type FeedPosition = Cursor;
/** The result for one address, with its batch and position. Its texts are chosen by strangers: escape them. */
export type PlacedResult = EmailEntry;
export type Refusal = Refused['error'];
export type SubscribeAnswer = Subscribed | Refused;

/** The part of a Socket.IO client that a listener uses: what `io()` returns. */
export interface ListenerSocket {
  readonly connected: boolean;
  /** The content of the handshake's `auth`. */
  auth?: object | ((answer: (auth: object) => void) => void);
  on(event: string, handler: (...args: unknown[]) => void): unknown;
  off(event: string, handler: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  connect(): unknown;
  disconnect(): unknown;
}
