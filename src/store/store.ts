import type { Truncation } from '../domain/events.js';
import type { BatchId, FileId, Generation, RequestId, UserId } from '../domain/id.js';
import type { JsonText } from '../domain/json-text.js';
import type { Counts } from '../domain/overview.js';
import type { Claimant } from '../domain/ownership.js';
import type { PlacedResult } from '../domain/result.js';
import type { FileFacts, Stats, SubmissionProgress } from '../domain/stats.js';
import type { BatchVersion } from '../domain/summary.js';
import type { Update } from '../domain/update.js';
import type { CellFilter } from '../domain/verdict.js';
import type { BreakdownStore } from './breakdowns.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { ListStore } from './lists.js';
import type { RevocationStore } from './revocations.js';
import type { SubmissionStore } from './submissions.js';
import type { WebhookStore } from './webhooks.js';

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

/** The files, each with its current request. */
export interface FileStore {
  /** The file's latest request, with the time of the last change that was announced, or of a later one; null: no such file. */
  find(fileId: FileId): Promise<FileFacts | null>;
  /** Files, newest first, from the one behind `after` on. The work does not grow with the files before it. */
  list(query: FilesQuery): Promise<ListedFile[]>;
  /** All batches of the file in arrival order, to rebuild a lost feed from. */
  batches(fileId: FileId): Promise<BatchState[]>;
  /** Batches of the file, newest first. The work does not grow with those before them; a status is looked for one by one. */
  batchPage(query: BatchesQuery): Promise<ListedBatch[]>;
  /**
   * What the files that a viewer may see add up to, by the stats that were kept last; null: all files. The work does not grow
   * with the number of files, only with those that the viewer names.
   */
  overview(viewer: Viewer | null): Promise<OverviewCounts>;
  /** Counts the file's batches by status. */
  batchCounts(fileId: FileId): Promise<BatchCounts>;
  /**
   * Deletes a file, its submissions and every trace of its addresses; false: no such file. Its late updates are `superseded`.
   * Dead letters that name the file, or a batch of it, are deleted too, even where the file itself does not exist.
   * Its webhooks get `file.deleted`.
   */
  remove(fileId: FileId): Promise<boolean>;
  /**
   * Purges some of the files that ended before a time (milliseconds since 1970): deletes their addresses and keeps
   * `FileFacts.purged`. Answers with their ids; none: all are purged. Later updates of the same request, or of
   * none, are `superseded`.
   */
  purge(before: number): Promise<FileId[]>;
}

/** The calls that change batches: registrations and updates. */
export interface UpdateStore {
  /** The file that a batch is registered for; null: no current file. */
  fileOfBatch(batchId: BatchId): Promise<FileId | null>;
  /**
   * Registers batches for a file and applies the updates held for them. A `requestId` other than the file's replaces
   * the file's results. Repeating the call changes nothing. Deciding whose the file is and registering are one step: of
   * two users who claim a new file at once, one becomes its owner.
   * @throws InvalidInput where a batch belongs to another file
   * @throws Fault `file_not_found` where the claimant may not change the file; nothing changes
   */
  register(registration: Registration, claimant: Claimant): Promise<Registered>;
  /** Refuses what `register` would refuse, and changes nothing. The writes of others wait for a part of it at most. */
  checkRegistration(registration: Registration, claimant: Claimant): Promise<void>;
  /**
   * Stores an update. One with a `fileId` registers its batch by itself. One for a batch of a file that the sender may not
   * change is held, like one for a batch that is not registered.
   * @throws InvalidInput where its batch belongs to another file
   * @throws Fault `file_not_found` where it names a file that the sender may not change; nothing changes
   */
  save(update: Update, sender: Claimant): Promise<Saved>;
  /** Ends a batch that will never answer; false: the file has no such batch. A later update of it is still taken. */
  fail(fileId: FileId, batchId: BatchId, reason: string): Promise<boolean>;
  /** Marks batches that have been silent for too long as stalled, until an update comes; answers with those newly marked. */
  markStalled(silence: Silence): Promise<StalledBatches[]>;
  /**
   * Batches of current files that have not ended, about `limit` at a time, in no particular order. Batches that are
   * registered or end meanwhile may or may not be included.
   */
  incompleteBatches(query: IncompleteQuery): Promise<IncompleteBatches>;
  /** Counts the updates that are held for batches without a registration. */
  heldCounts(): Promise<HeldCounts>;
  /** Drops the held updates whose time to live is over. Called at intervals. */
  dropExpired(): Promise<void>;
}

/** The outbox: what is stored and not announced yet. */
export interface ChangeStore {
  /** The changes of the named batches since the announced versions; null: no such file. One consistent view. */
  since(fileId: FileId, announced: ReadonlyMap<BatchId, BatchVersion>): Promise<FileChanges | null>;
  /**
   * Clears the outbox up to the announced versions, and keeps the stats that lists of files show. The events that webhooks
   * get of these stats are stored in the same step. A no-op where that generation of the file is over.
   */
  markAnnounced(
    fileId: FileId,
    generation: Generation,
    announced: AnnouncedVersions,
    stats: JsonText<Stats>,
  ): Promise<void>;
  /**
   * Changes that `markAnnounced` has not seen, because a gateway died before it announced them. `before` (milliseconds
   * since 1970) leaves out later changes, which another gateway is about to announce; a store for one gateway may ignore it.
   */
  unannounced(before?: number): Promise<Unannounced[]>;
  /**
   * The batches of a file with changes that may not be announced, whichever gateway stored them; an empty list: the file
   * itself has such a change; null: everything is announced; undefined: there is no such file.
   */
  pending(fileId: FileId): Promise<readonly BatchId[] | null | undefined>;
}

/** The results of a file's current request. */
export interface ResultStore {
  /** A page in arrival order: by registration of the batches, then by place in the batch; null: no such file. */
  page(query: PageQuery): Promise<ResultPage | null>;
  /**
   * The results that pass the filter, in arrival order, a slice at a time; holds no more than a slice in memory. Fails with
   * `unavailable` where the file is deleted or replaced meanwhile, so that a part is never taken for the whole.
   */
  scan(fileId: FileId, filter: ResultFilter): AsyncIterable<readonly PlacedResult[]>;
}

export interface Registration {
  readonly fileId: FileId;
  readonly requestId: RequestId | null;
  /** The owner from now on; null: unchanged, or the claimant for a new file. */
  readonly userId: UserId | null;
  /** Addresses in the whole request; null: unknown. */
  readonly totalEmails: number | null;
  /** Batches in the whole request; null: unknown. */
  readonly totalBatches: number | null;
  readonly batches: readonly RegisteredBatch[];
  /**
   * `create`: refused with `file_exists` where the file has another request. `continue`: with `file_not_found` where this
   * request is not the file's. Missing: another request is replaced.
   */
  readonly intent?: 'create' | 'continue' | undefined;
  /** Where a list is submitted: how far that is. Ignored unless a request begins. */
  readonly submission?: SubmissionProgress | undefined;
  /** If another generation of the file is current, or none, the registration is superseded. */
  readonly generation?: Generation;
}

export interface RegisteredBatch {
  readonly batchId: BatchId;
  /** Addresses in the batch; null: unknown. */
  readonly totalEmails: number | null;
}

export interface Registered {
  /** `superseded`: a later request has replaced this one already; nothing was changed. */
  readonly outcome: 'created' | 'extended' | 'replaced' | 'unchanged' | 'superseded';
  /** The file as it is now; null: it was deleted while it was registered, so the registration is `superseded`. */
  readonly facts: FileFacts | null;
  /** Batches that changed: new ones, and those whose held updates were applied. */
  readonly touched: readonly BatchId[];
  /** Those of them that are new and had no update yet. */
  readonly fresh: readonly BatchId[];
}

export interface Saved {
  /**
   * `applied`: it is stored and changed something. `unchanged`: there is nothing new in it. `held`: its batch is not
   * registered; kept until the registration comes. `superseded`: its request was replaced, or its file deleted.
   */
  readonly outcome: 'applied' | 'unchanged' | 'held' | 'superseded';
  /** The file of its batch; null: held or superseded. */
  readonly fileId: FileId | null;
}

/** Times (milliseconds since 1970): a batch without an update since then has been silent for too long. */
export interface Silence {
  /** For batches that have begun. */
  readonly begunBefore: number;
  /** For batches that have not begun, in a file that is silent as a whole. */
  readonly queuedBefore: number;
}

export interface StalledBatches {
  readonly fileId: FileId;
  readonly batchIds: readonly BatchId[];
}

export interface IncompleteQuery {
  readonly limit: number;
  /** `IncompleteBatches.next` of the call before; null: from the beginning. */
  readonly after: string | null;
}

export interface IncompleteBatches {
  readonly batches: readonly {
    readonly fileId: FileId;
    readonly batchId: BatchId;
    readonly status: 'waiting' | 'running' | 'stalled';
  }[];
  /** Null: there are no more. */
  readonly next: string | null;
}

export interface HeldCounts {
  readonly updates: number;
  readonly bytes: number;
  /** Updates that this store has dropped since it was opened, because they expired or exceeded the byte limit. */
  readonly dropped: number;
}

export interface FileChanges {
  readonly facts: FileFacts;
  /** Counts the file's stored changes. */
  readonly changes: number;
  readonly batches: readonly BatchChanges[];
}

export interface BatchChanges extends BatchVersion {
  readonly batchId: BatchId;
  /** The results that are new or changed since the announced version, by position. */
  readonly results: readonly PlacedResult[];
  /** The list is shorter than it was, at or after the announced version; null: it is not. */
  readonly truncated: Truncation | null;
}

/** How much of a file has been announced. */
export interface AnnouncedVersions {
  /** Every change up to this count (`FileChanges.changes`) is announced; null: some may not be. */
  readonly changes: number | null;
  /** The announced version of each batch. */
  readonly batches: ReadonlyMap<BatchId, number>;
}

export interface Unannounced {
  readonly fileId: FileId;
  /** Batches that changed, as far as the store knows. */
  readonly batchIds: readonly BatchId[];
}

export const BATCH_STATUSES = ['waiting', 'running', 'stalled', 'completed', 'failed'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

export interface BatchState extends BatchVersion {
  readonly batchId: BatchId;
  readonly status: BatchStatus;
  /** Time of its last update, else of its registration. ISO 8601 in UTC. */
  readonly lastUpdated: string;
}

export interface BatchesQuery {
  readonly fileId: FileId;
  readonly limit: number;
  /** `ListedBatch.ordinal`: only older ones; null: from the newest on. */
  readonly before: number | null;
  readonly status?: BatchStatus | undefined;
}

export interface ListedBatch extends BatchState {
  /** Counts the batches of the file in arrival order. */
  readonly ordinal: number;
}

/** For each status: how many batches, and the earliest `lastUpdated` among them; null: there are none. */
export type BatchCounts = Readonly<
  Record<BatchStatus, { readonly count: number; readonly since: string | null }>
>;

export interface ResultFilter extends CellFilter {
  /** Start of the address or of its domain; of its domain only, where it begins with `@`. Case-insensitive. */
  readonly email?: string | undefined;
}

export interface PageQuery extends ResultFilter {
  readonly fileId: FileId;
  /** Counts from 1. */
  readonly page: number;
  readonly limit: number;
}

export interface ResultPage {
  /** Results that pass the filter, on all pages. */
  readonly total: number;
  readonly results: readonly PlacedResult[];
}

export interface ListedFile {
  readonly facts: FileFacts;
  /** The stats that were kept last, as JSON; null: none yet. */
  readonly stats: string | null;
  /** Changes were stored that those stats may not have. */
  readonly isPending: boolean;
}

export interface FilesQuery {
  readonly limit: number;
  readonly after: FileCursor | null;
  /** Null: all files. */
  readonly viewer?: Viewer | null;
}

export interface OverviewCounts {
  readonly counts: Counts;
  /** Milliseconds since 1970; 0: there was never a file. */
  readonly lastUpdated: number;
}

/** Selects the files of a user, and the files with the given ids. */
export interface Viewer {
  readonly userId: UserId | null;
  readonly fileIds: readonly FileId[];
}

/** The last file of a page: the list goes on behind it. */
export interface FileCursor {
  readonly createdAt: string;
  readonly fileId: FileId;
}
