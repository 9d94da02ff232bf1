/** The messages between the main thread and a database thread, and how errors travel in them. */
import { InvalidInput } from '../../domain/invalid-input.js';
import { ERRORS, type ErrorCode, FatalError, Fault } from '../../errors.js';
import { codeOf } from './database.js';

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
}

/** An error loses its class between threads, so `kind` names it. */
export type ErrorMessage =
  | { readonly kind: 'input'; readonly errors: InvalidInput['errors'] }
  | { readonly kind: 'fault'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'fatal'; readonly message: string; readonly exitCode: number };

export function messageOf(error: unknown): ErrorMessage {
  if (error instanceof InvalidInput) return { kind: 'input', errors: error.errors };
  if (error instanceof Fault) return { kind: 'fault', code: error.code, message: error.message };
  if (error instanceof FatalError) return { kind: 'fatal', message: error.message, exitCode: error.exitCode };
  const code = codeOf(error);
  if (code.startsWith('SQLITE_FULL'))
    return { kind: 'fault', code: 'unavailable', message: 'the disk is full' };
  if (code.startsWith('SQLITE_')) {
    return { kind: 'fault', code: 'unavailable', message: `the database answered ${code}` };
  }
  return { kind: 'fault', code: 'internal', message: (error as Error)?.stack ?? String(error) };
}

export function errorOf(error: ErrorMessage): Error {
  if (error.kind === 'input') return new InvalidInput(error.errors);
  if (error.kind === 'fatal') return new FatalError(error.message, error.exitCode);
  if (error.code === 'internal') return new Error(error.message);
  const isRetryable = ERRORS[error.code].retryable;
  return new Fault(error.code, error.message, isRetryable ? { retryAfterSeconds: 1 } : {});
}
