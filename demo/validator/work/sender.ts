import type { Update } from './update.js';

export type Answer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'later'; readonly why: string; readonly retryAfterMs: number };

/** A way to the gateways. */
export interface Sender {
  /** One try, ended early where `signal` fires. Never fails: what went wrong is the answer. */
  send(update: Update, signal: AbortSignal): Promise<Answer>;
  /** The batches are of one request: some readers can ask for that. @throws where nobody could be told */
  group(requestId: string, batchIds: readonly string[]): Promise<void>;
  /** Whoever publishes waits for each update, so that none is overtaken by a newer one on its way. */
  readonly takesEach: boolean;
  close(): void;
}
