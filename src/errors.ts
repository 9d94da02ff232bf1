/**
 * The error table: every code that leaves the gateway, over HTTP (RFC 9457 problem details) or in a socket's answer.
 * `retryable` tells a client that the same request may succeed later.
 */

import type { Refusal } from './refusal.js';

export const ERRORS = {
  invalid_request: { status: 400, title: 'The request is not valid', retryable: false },
  no_addresses: { status: 400, title: 'There is no address in the list', retryable: false },
  unauthorized: { status: 401, title: 'A valid token is needed', retryable: false },
  forbidden: { status: 403, title: 'This is not allowed', retryable: false },
  not_found: { status: 404, title: 'There is nothing here', retryable: false },
  file_not_found: { status: 404, title: 'There is no such file', retryable: false },
  list_not_found: { status: 404, title: 'There is no such list', retryable: false },
  method_not_allowed: { status: 405, title: 'This cannot be done here', retryable: false },
  request_timeout: { status: 408, title: 'The request took too long', retryable: true },
  file_exists: { status: 409, title: 'The file exists already', retryable: false },
  nothing_to_retry: { status: 409, title: 'There is nothing to send again', retryable: false },
  payload_too_large: { status: 413, title: 'The request is too large', retryable: false },
  unsupported_list: { status: 415, title: 'This is no list that can be read', retryable: false },
  rate_limited: { status: 429, title: 'Too many requests', retryable: true },
  too_many_subscriptions: { status: 429, title: 'Too many subscriptions', retryable: false },
  headers_too_large: { status: 431, title: 'The head of the request is too large', retryable: false },
  internal: { status: 500, title: 'Something went wrong here', retryable: true },
  validator_not_configured: { status: 501, title: 'No validator is configured', retryable: false },
  validator_unavailable: { status: 502, title: 'The validator cannot be used now', retryable: true },
  unavailable: { status: 503, title: 'The gateway cannot do this now', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

export interface FaultOptions {
  /** What is wrong in each field. */
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  /** When the caller may try again. */
  readonly retryAfterSeconds?: number;
  /** The `error` of RFC 6750 for the caller's token; empty: the caller sent none. */
  readonly challenge?: '' | 'invalid_token' | 'insufficient_scope';
  /** For the operator: why a server or the disk did not do it. Callers do not get it. */
  readonly refusal?: Refusal | undefined;
  /** The methods that the path has, where the caller used another one. */
  readonly allow?: readonly string[];
  readonly cause?: unknown;
}

/** An error that is sent to the caller. `message` is written for the caller and contains none of the data. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly errors: FaultOptions['errors'];
  readonly retryAfterSeconds: number | undefined;
  readonly challenge: FaultOptions['challenge'];
  readonly refusal: Refusal | undefined;
  readonly allow: FaultOptions['allow'];

  constructor(
    readonly code: ErrorCode,
    message: string = ERRORS[code].title,
    options: FaultOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.challenge = options.challenge;
    this.refusal = options.refusal;
    this.allow = options.allow;
  }
}

/** Exit code of a wrong configuration (EX_CONFIG in sysexits.h). */
export const EXIT_CONFIG = 78;

/** The process cannot start or continue. `exitCode` follows sysexits.h. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  constructor(
    message: string,
    readonly exitCode: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
