/** The messages between the main thread, which has the bytes of a list, and a thread that reads it. */
import { type FieldError, InvalidInput } from '../../domain/invalid-input.js';
import { type ErrorCode, Fault } from '../../errors.js';
import type { JobName } from '../jobs.js';
import type { ListLimits } from '../limits.js';

/** What the thread is started for. */
export interface ThreadTask {
  readonly job: JobName;
  readonly order: unknown;
  readonly size: number;
  readonly limits: ListLimits;
}

/** `open`, `next` and `close` are of one reading of the bytes, which `reading` numbers. */
export type FromThread =
  | { readonly type: 'open'; readonly reading: number; readonly from: number }
  | { readonly type: 'next'; readonly reading: number }
  | { readonly type: 'close'; readonly reading: number }
  | { readonly type: 'item'; readonly item: unknown }
  | { readonly type: 'end'; readonly error: ErrorMessage | null };

/** `bytes`: null at the end; `failed`: the bytes cannot be read. `more`: there is room for another item. */
export type ToThread =
  | { readonly type: 'bytes'; readonly reading: number; readonly bytes: Uint8Array | null }
  | { readonly type: 'failed'; readonly reading: number }
  | { readonly type: 'more' };

/** An error loses its class between threads, so `kind` names it. `source`: the main thread has it already. */
export type ErrorMessage =
  | { readonly kind: 'input'; readonly errors: readonly FieldError[] }
  | {
      readonly kind: 'fault';
      readonly code: ErrorCode;
      readonly message: string;
      readonly errors: Fault['errors'];
    }
  | { readonly kind: 'source' }
  | { readonly kind: 'other'; readonly stack: string };

/** In the thread: the bytes could not be read. */
export class SourceFailed extends Error {
  override readonly name = 'SourceFailed';
}

export function messageOf(error: unknown): ErrorMessage {
  if (error instanceof SourceFailed) return { kind: 'source' };
  if (error instanceof InvalidInput) return { kind: 'input', errors: error.errors };
  if (error instanceof Fault)
    return { kind: 'fault', code: error.code, message: error.message, errors: error.errors };
  return { kind: 'other', stack: (error as Error)?.stack ?? String(error) };
}

/** `cause`: why the bytes could not be read. */
export function errorOf(error: ErrorMessage, cause: unknown): unknown {
  switch (error.kind) {
    case 'source':
      return cause;
    case 'input':
      return new InvalidInput(error.errors);
    case 'fault':
      return new Fault(error.code, error.message, error.errors === undefined ? {} : { errors: error.errors });
    case 'other':
      return new Error(error.stack);
  }
}
