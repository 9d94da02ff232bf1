/** The messages between the main thread and a database thread, and how errors travel in them. */
import { InvalidInput } from '../../domain/invalid-input.js';
import { ERRORS, type ErrorCode, FatalError, Fault } from '../../errors.js';
import type { Refusal } from '../../refusal.js';
import { codeOf, refusalOf } from './refusals.js';

export interface ThreadRequest {
  readonly id: number;
  readonly operation: string;
  readonly args: readonly unknown[];
}

export type ThreadReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorMessage };

export interface ThreadData {
  readonly role: 'writer' | 'reader';
  readonly directory: string;
  readonly heldTtlMs: number;
  readonly maxHeldBytes: number;
  readonly deadLetterTtlMs: number;
  readonly maxDeadLetterBytes: number;
  /** Room that is kept free for deleting on a full disk; missing: none. */
  readonly diskReserveBytes?: number;
}

/** An error loses its class between threads, so `kind` names it. */
export type ErrorMessage =
  | { readonly kind: 'input'; readonly errors: InvalidInput['errors'] }
  | {
      readonly kind: 'fault';
      readonly code: ErrorCode;
      readonly message: string;
      readonly refusal?: Refusal | undefined;
    }
  | { readonly kind: 'fatal'; readonly message: string; readonly exitCode: number };

/** `directory`: where the database is. */
export function messageOf(error: unknown, directory: string): ErrorMessage {
  if (error instanceof InvalidInput) return { kind: 'input', errors: error.errors };
  if (error instanceof Fault)
    return { kind: 'fault', code: error.code, message: error.message, refusal: error.refusal };
  if (error instanceof FatalError) return { kind: 'fatal', message: error.message, exitCode: error.exitCode };
  if (/^(SQLITE_|E[A-Z]+$)/.test(codeOf(error))) {
    const refusal = refusalOf(error, directory);
    const message = refusal.reason === 'disk_full' ? 'the disk is full' : 'the database cannot be used now';
    return { kind: 'fault', code: 'unavailable', message, refusal };
  }
  return { kind: 'fault', code: 'internal', message: (error as Error)?.stack ?? String(error) };
}

export function errorOf(error: ErrorMessage): Error {
  if (error.kind === 'input') return new InvalidInput(error.errors);
  if (error.kind === 'fatal') return new FatalError(error.message, error.exitCode);
  if (error.code === 'internal') return new Error(error.message);
  const again = ERRORS[error.code].retryable ? { retryAfterSeconds: 1 } : {};
  return new Fault(error.code, error.message, { ...again, refusal: error.refusal });
}
