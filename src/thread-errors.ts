/** How errors travel between threads: an error loses its class on the way, so `kind` names it. */

import { InvalidInput } from './domain/invalid-input.js';
import { ERRORS, type ErrorCode, Fault } from './errors.js';

export type ErrorMessage =
  | { readonly kind: 'input'; readonly errors: InvalidInput['errors'] }
  | ({
      readonly kind: 'fault';
      readonly code: ErrorCode;
      readonly message: string;
    } & Pick<Fault, 'errors' | 'refusal'>)
  | { readonly kind: 'other'; readonly stack: string };

export function messageOf(error: unknown): ErrorMessage {
  if (error instanceof InvalidInput) return { kind: 'input', errors: error.errors };
  if (error instanceof Fault) {
    const { code, message, errors, refusal } = error;
    return { kind: 'fault', code, message, errors, refusal };
  }
  return { kind: 'other', stack: (error as Error)?.stack ?? String(error) };
}

export function errorOf(error: ErrorMessage): Error {
  if (error.kind === 'input') return new InvalidInput(error.errors);
  if (error.kind === 'other') return new Error(error.stack);
  const { code, message, errors, refusal } = error;
  return new Fault(code, message, {
    refusal,
    ...(errors !== undefined && { errors }),
    ...(ERRORS[code].retryable && { retryAfterSeconds: 1 }),
  });
}
