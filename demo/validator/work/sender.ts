import type { Update } from './update.js';

export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'later'; readonly why: string; readonly retryAfterMs: number };

/** How updates reach the gateways. */
export interface Sender {
  /** Sends once; ends early when `signal` fires. Never throws: a failure is an outcome. */
  send(update: Update, signal: AbortSignal): Promise<Outcome>;
  /** Publishes which request the batches belong to, if this transport can. @throws if it could not be published */
  group(requestId: string, batchIds: readonly string[]): Promise<void>;
  /** Whether a worker must wait for each update, so that none is replaced by a newer one before it is sent. */
  readonly awaitsEach: boolean;
  close(): void;
}
