import type { Truncation } from '../domain/events.js';
import type { BatchId, FileId, Generation, RequestId, UserId } from '../domain/id.js';
import type { JsonText } from '../domain/json-text.js';
import type { PlacedResult } from '../domain/result.js';
import type { FileFacts, Stats } from '../domain/stats.js';
import type { AnnouncedBatch } from '../domain/summary.js';
import type { Update } from '../domain/update.js';
import type { RiskLevel, Status } from '../domain/verdict.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { ReceiptStore } from './receipts.js';

/**
 * What the gateway remembers, as six ports on one database. Every implementation guarantees:
 *
 * - **Durable.** What a fulfilled promise stands for survives `kill -9` at any time after.
 * - **Newer wins**, decided and stored in one atomic step for each batch, by `isNewer`. The same call twice is a no-op.
 * - **One request a file.** Only the results of a file's latest request are ever answered.
 * - **Flat.** The work of `save`, `since` and `page` does not grow with the results that the file already has.
 * - **Read your writes**: a read that starts after a write was fulfilled sees it.
 *
 * A call that could not be carried out rejects with a `Fault`: `unavailable` where trying again may help.
 */
export interface Store {
  readonly files: FileStore;
  readonly updates: UpdateStore;
  readonly changes: ChangeStore;
  readonly results: ResultStore;
  readonly deadLetters: DeadLetterStore;
  readonly receipts: ReceiptStore;
  /** Finishes the calls in progress and releases the database; calling it twice is a no-op. */
  close(): Promise<void>;
}

/** The files, each with the request that is current. */
export interface FileStore {
  /** The file's latest request; null: no such file. */
  find(fileId: FileId): Promise<FileFacts | null>;
  /** Files, newest first, from after the one that `after` points at. The work does not grow with the files left out. */
  list(query: FilesQuery): Promise<ListedFile[]>;
  /** All batches of the file in arrival order: what a lost feed is rebuilt from. */
  batches(fileId: FileId): Promise<BatchState[]>;
  /** How many batches of the file have which status. */
  batchCounts(fileId: FileId): Promise<BatchCounts>;
  /**
   * Deletes a file, its receipts and every trace of its addresses; false: no such file. Its late updates are `superseded`.
   * Dead letters that name the file, or a batch of it, go as well, even where the file itself does not exist.
   */
  remove(fileId: FileId): Promise<boolean>;
  /**
   * Purges some of the files that ended before a time (milliseconds since 1970): their addresses go, and
   * `FileFacts.purged` stays. Answers with their ids; none: no more are left. Later updates of the same request, or of
   * none, are `superseded`.
   */
  purge(before: number): Promise<FileId[]>;
}

/** Registrations and updates: everything that changes a batch. */
export interface UpdateStore {
  /** The file that a batch is registered for; null: no current file. */
  fileOfBatch(batchId: BatchId): Promise<FileId | null>;
  /**
   * Registers batches for a file and applies the updates held for them. Another `requestId` than the file's replaces
   * the file's results. Repeating it changes nothing.
   * @throws InvalidInput where a batch belongs to another file
   */
  register(registration: Registration): Promise<Registered>;
  /**
   * Stores an update. One with a `fileId` registers its batch by itself.
   * @throws InvalidInput where its batch belongs to another file
   */
  save(update: Update): Promise<Saved>;
  /** Ends a batch that will never answer; false: the file has no such batch. A later update of it is still taken. */
  fail(fileId: FileId, batchId: BatchId, reason: string): Promise<boolean>;
  /** Marks the batches that have been silent for too long as stalled, until news comes; answers with those newly marked. */
  markStalled(silence: Silence): Promise<StalledBatches[]>;
  /**
   * Batches of current files that have not ended, about `limit` at a time, in no meaningful order; `next` continues from
   * there, null: that was all. Batches that come or end meanwhile may be in it or not.
   */
  incompleteBatches(query: IncompleteQuery): Promise<IncompleteBatches>;
  /** The updates that are held for batches without a registration. */
  heldCounts(): Promise<HeldCounts>;
  /** Drops the held updates whose time to live is over. Asked for again and again. */
  dropExpired(): Promise<void>;
}

/** What was stored and not announced yet: the outbox of the feed. */
export interface ChangeStore {
  /** What has changed in the named batches since they were announced; null: no such file. One consistent view. */
  since(fileId: FileId, announced: ReadonlyMap<BatchId, AnnouncedBatch>): Promise<FileChanges | null>;
  /** Keeps a file's announced stats for lists of files, unless that generation of the file is over. */
  markAnnounced(
    fileId: FileId,
    generation: Generation,
    announced: AnnouncedVersions,
    stats: JsonText<Stats>,
  ): Promise<void>;
  /**
   * Changes that `markAnnounced` has not seen: what a gateway that died left unannounced. `before` (milliseconds since
   * 1970) leaves out later changes, which are still on their way; a store of one gateway alone may ignore it.
   */
  unannounced(before?: number): Promise<Unannounced[]>;
}

/** The results of a file's current request. */
export interface ResultStore {
  /** A page in arrival order: by registration of the batches, then by place in the batch; null: no such file. */
  page(query: PageQuery): Promise<ResultPage | null>;
  /**
   * All results in arrival order, a slice at a time; holds no more than a slice in memory. Fails with `unavailable` where
   * the file is deleted or replaced meanwhile, so that a part never passes for the whole.
   */
  scan(fileId: FileId, filter: Pick<ResultFilter, 'status'>): AsyncIterable<readonly PlacedResult[]>;
}

export interface Registration {
  readonly fileId: FileId;
  readonly requestId: RequestId | null;
  readonly userId: UserId | null;
  /** Addresses in the whole request; null: not said. */
  readonly totalEmails: number | null;
  /** Batches in the whole request; null: not said. */
  readonly totalBatches: number | null;
  readonly batches: readonly RegisteredBatch[];
}

export interface RegisteredBatch {
  readonly batchId: BatchId;
  /** Addresses in the batch; null: not said. */
  readonly totalEmails: number | null;
}

export interface Registered {
  /** `superseded`: a later request had taken this one's place already; nothing was changed. */
  readonly outcome: 'created' | 'extended' | 'replaced' | 'unchanged' | 'superseded';
  /** The file as it is now. */
  readonly facts: FileFacts;
  /** Batches that changed: new ones, and those whose held updates were applied. */
  readonly touched: readonly BatchId[];
}

export interface Saved {
  /**
   * `applied`: it is stored and changed something. `unchanged`: nothing new in it. `held`: its batch is not registered;
   * kept until the registration comes. `superseded`: of a request that was replaced, or of a file that was deleted.
   */
  readonly outcome: 'applied' | 'unchanged' | 'held' | 'superseded';
  /** The file of its batch; null while that is unknown or over. */
  readonly fileId: FileId | null;
}

/** Silence, as points in time (milliseconds since 1970): a batch without news since then has been silent for too long. */
export interface Silence {
  /** For batches that have begun. */
  readonly begunBefore: number;
  /** For batches that wait unbegun in a file that is silent as a whole. */
  readonly queuedBefore: number;
}

export interface StalledBatches {
  readonly fileId: FileId;
  readonly batchIds: readonly BatchId[];
}

export interface IncompleteQuery {
  readonly limit: number;
  /** `IncompleteBatches.next` of the slice before; null: from the beginning. */
  readonly after: string | null;
}

export interface IncompleteBatches {
  readonly batches: readonly {
    readonly fileId: FileId;
    readonly batchId: BatchId;
    readonly status: 'waiting' | 'running' | 'stalled';
  }[];
  readonly next: string | null;
}

export interface HeldCounts {
  readonly updates: number;
  readonly bytes: number;
  /** Updates that this store has dropped since it was opened: expired, or beyond the byte limit. */
  readonly dropped: number;
}

export interface FileChanges {
  readonly facts: FileFacts;
  /** Counts the file's stored changes. */
  readonly changes: number;
  readonly batches: readonly BatchChanges[];
}

export interface BatchChanges extends AnnouncedBatch {
  readonly batchId: BatchId;
  /** The results that are new or changed since the announced version, by position. */
  readonly results: readonly PlacedResult[];
  /** The list is shorter than the announced one. */
  readonly truncated: Truncation | null;
}

/** How much of a file has been announced. */
export interface AnnouncedVersions {
  /** Every change up to this count (`FileChanges.changes`); null: some of them may not be announced. */
  readonly changes: number | null;
  /** Batches, each up to this version. */
  readonly batches: ReadonlyMap<BatchId, number>;
}

export interface Unannounced {
  readonly fileId: FileId;
  /** Batches that changed, as far as the store knows which. */
  readonly batchIds: readonly BatchId[];
}

export const BATCH_STATUSES = ['waiting', 'running', 'stalled', 'completed', 'failed'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

export interface BatchState extends AnnouncedBatch {
  readonly batchId: BatchId;
  readonly status: BatchStatus;
  /** Time of its last news, else of its registration. ISO 8601 in UTC. */
  readonly lastUpdated: string;
}

/** For each status: how many batches, and the time of the oldest news among them; null: there are none. */
export type BatchCounts = Readonly<
  Record<BatchStatus, { readonly count: number; readonly since: string | null }>
>;

export interface ResultFilter {
  readonly status?: Status | undefined;
  readonly risk?: RiskLevel | undefined;
  /** Start of the address, case-insensitive. */
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
  /** The last stats that were kept, as JSON; null: none yet. */
  readonly stats: string | null;
}

export interface FilesQuery {
  readonly limit: number;
  readonly after: FileCursor | null;
  /** Null: all files. */
  readonly viewer?: Viewer | null;
}

/** Whose files are wanted: those of a user, and those of a list. */
export interface Viewer {
  readonly userId: UserId | null;
  readonly fileIds: readonly FileId[];
}

/** Where a list of files goes on. */
export interface FileCursor {
  readonly createdAt: string;
  readonly fileId: FileId;
}
