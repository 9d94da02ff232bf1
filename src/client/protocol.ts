/**
 * What goes over the socket between the gateway and one listener of one file. Types only: nothing of this file is
 * left when it is compiled, and so the SDK is free of imports.
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
/** A place in a file's feed. */
export type FeedPosition = Cursor;
/** The verdict on one address, and its place. Every text in it is hostile. */
export type PlacedResult = EmailEntry;
export type Refusal = Refused['error'];
export type SubscribeAnswer = Subscribed | Refused;

/** The part of a Socket.IO client that a listener uses: what `io()` returns. */
export interface ListenerSocket {
  readonly connected: boolean;
  /** Asked for what goes into the handshake. */
  auth?: object | ((answer: (auth: object) => void) => void);
  on(event: string, handler: (...args: unknown[]) => void): unknown;
  off(event: string, handler: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  connect(): unknown;
  disconnect(): unknown;
}
