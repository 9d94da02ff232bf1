/** The error of the SDK's promises. */

/** `code` is one of the gateway's codes, or `deleted`, `purged`, `unsubscribed`. `status`: of an HTTP answer. */
export class VerigateError extends Error {
  override readonly name = 'VerigateError';
  constructor(
    readonly code: string,
    message: string,
    readonly retryable = false,
    readonly status?: number,
  ) {
    super(message);
  }
}
