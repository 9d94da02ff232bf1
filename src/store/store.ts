/** The port to the database: all its parts together, and the types that their calls take and return. */
import type { BreakdownStore } from './breakdowns.js';
import type { ChangeStore } from './changes.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { FileStore } from './files.js';
import type { ListStore } from './lists.js';
import type { ResultStore } from './results.js';
import type { RevocationStore } from './revocations.js';
import type { SubmissionStore } from './submissions.js';
import type { UpdateStore } from './updates.js';
import type { WebhookStore } from './webhooks.js';

export * from './changes.js';
export * from './files.js';
export * from './results.js';
export * from './updates.js';

/**
 * The port to the database, in ten parts. Every implementation guarantees:
 *
 * - **Durable.** A change survives `kill -9` at any time after its promise was fulfilled.
 * - **Newer wins**, decided by `isNewer` and stored in one atomic step for each batch. The same call twice is a no-op.
 * - **One request for each file.** Only the results of a file's latest request are returned.
 * - **Flat.** The work of `save`, `since` and `page` does not grow with the results that the file already has.
 * - **Read your writes**: a read that starts after a write was fulfilled sees it.
 *
 * A call that fails rejects with a `Fault`: `unavailable` where trying again may help.
 */
export interface Store {
  readonly files: FileStore;
  readonly updates: UpdateStore;
  readonly changes: ChangeStore;
  readonly results: ResultStore;
  readonly breakdowns: BreakdownStore;
  readonly deadLetters: DeadLetterStore;
  readonly submissions: SubmissionStore;
  readonly revocations: RevocationStore;
  readonly webhooks: WebhookStore;
  readonly lists: ListStore;
  /** Finishes the calls in progress and releases the database; calling it twice is a no-op. */
  close(): Promise<void>;
}
