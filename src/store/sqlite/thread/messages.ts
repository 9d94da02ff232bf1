/** The messages between the main thread and a database thread, and how errors travel in them. */
import { FatalError, Fault } from '../../../errors.js';
import { type ErrorMessage, errorOf, messageOf } from '../../../thread-errors.js';
import { codeOf, refusalOf } from '../refusals.js';

export interface ThreadRequest {
  readonly id: number;
  /** The part of the port, and the call. */
  readonly operation: string;
  readonly args: readonly unknown[];
}

export type ThreadReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: DatabaseError };

export interface ThreadData {
  readonly role: 'writer' | 'reader';
  readonly directory: string;
  /** Shared by the threads, see log-truncation.ts. */
  readonly readPause: SharedArrayBuffer;
  readonly heldTtlMs: number;
  readonly maxHeldBytes: number;
  readonly deadLetterTtlMs: number;
  readonly maxDeadLetterBytes: number;
  /** Room that is kept free for deleting on a full disk; missing: none. */
  readonly diskReserveBytes?: number;
}

type DatabaseError =
  | ErrorMessage
  | { readonly kind: 'fatal'; readonly message: string; readonly exitCode: number };

export function databaseErrorOf(error: unknown, directory: string): DatabaseError {
  if (error instanceof FatalError) return { kind: 'fatal', message: error.message, exitCode: error.exitCode };
  if (/^(SQLITE_|E[A-Z]+$)/.test(codeOf(error))) {
    const refusal = refusalOf(error, directory);
    const message = refusal.reason === 'disk_full' ? 'the disk is full' : 'the database cannot be used now';
    return messageOf(new Fault('unavailable', message, { refusal }));
  }
  return messageOf(error);
}

export const thrownBy = (error: DatabaseError): Error =>
  error.kind === 'fatal' ? new FatalError(error.message, error.exitCode) : errorOf(error);
