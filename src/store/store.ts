import type { Truncation } from '../domain/events.js';
import type { PlacedResult } from '../domain/result.js';
import type { FileFacts } from '../domain/stats.js';
import type { Announced } from '../domain/summary.js';
import type { Update } from '../domain/update.js';
import type { RiskLevel, Status } from '../domain/verdict.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { ReceiptStore } from './receipts.js';

export type { Claimed, ReceiptClaim, ReceiptStore } from './receipts.js';

/**
 * What the gateway remembers. Every implementation guarantees:
 *
 * - **Durable.** What a promise was fulfilled for survives `kill -9` at any time after.
 * - **Newer wins**, decided and stored in one atomic step for each batch, by `isNewer`. The same call twice is a no-op.
 * - **One request a file.** Only the results of a file's latest request are ever answered.
 * - **Flat.** The work of `save`, `news` and `page` does not grow with the results that the file already has.
 * - **Read your writes**: a read that starts after a write was fulfilled sees it.
 *
 * A call that could not be carried out rejects with a `Fault`: `unavailable` where trying again may help.
 */
export interface Store extends UpdateStore, NewsStore, ResultStore, DeadLetterStore, ReceiptStore {
  /** Ends what is under way and lets go of everything; calling it twice is a no-op. */
  close(): Promise<void>;
}

export interface Registration {
  readonly fileId: string;
  readonly requestId: string | null;
  readonly userId: string | null;
  /** Addresses in the whole request; null: not said. */
  readonly totalEmails: number | null;
  /** Batches in the whole request; null: not said. */
  readonly totalBatches: number | null;
  readonly batches: readonly { readonly batchId: string; readonly totalEmails: number | null }[];
}

export interface Registered {
  /** `superseded`: a later request had taken this one's place already; nothing was changed. */
  readonly outcome: 'created' | 'extended' | 'replaced' | 'unchanged' | 'superseded';
  /** The file as it stands now. */
  readonly facts: FileFacts;
  /** Batches that changed: new ones, and those whose held updates were applied. */
  readonly touched: readonly string[];
}

export interface Saved {
  /**
   * `applied`: it is stored and changed something. `unchanged`: nothing new in it. `held`: nobody knows its batch yet;
   * kept until the registration comes. `superseded`: of a request that was replaced, or of a file that was deleted.
   */
  readonly outcome: 'applied' | 'unchanged' | 'held' | 'superseded';
  /** Whose batch it is; null while that is unknown or over. */
  readonly fileId: string | null;
}

/** Silence, as points in time (milliseconds since 1970): no news since then is too long. */
export interface Silence {
  /** For batches that have begun. */
  readonly begunBefore: number;
  /** For batches that wait unbegun in a file that is silent as a whole. */
  readonly queuedBefore: number;
}

export interface Unended {
  readonly batches: readonly {
    readonly fileId: string;
    readonly batchId: string;
    readonly status: 'waiting' | 'running' | 'stalled';
  }[];
  readonly next: string | null;
}

export interface HeldStanding {
  readonly updates: number;
  readonly bytes: number;
  /** Updates that were dropped by this store since it was opened: their time was over, or there was no room. */
  readonly dropped: number;
}

export interface UpdateStore {
  /** The file that a batch is registered for; null: none that stands. */
  locate(batchId: string): Promise<string | null>;
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
  /** Ends a batch that will never answer; false: the file has no such batch. News that comes after all is still taken. */
  fail(fileId: string, batchId: string, reason: string): Promise<boolean>;
  /**
   * Marks the batches that are silent for too long as stalled, until news comes; answers with those newly marked. Held
   * updates and dead letters whose time is over are dropped on the way.
   */
  stall(silence: Silence): Promise<{ fileId: string; batchIds: string[] }[]>;
  /** What is held for batches that nobody has registered. */
  held(): Promise<HeldStanding>;
  /**
   * Batches of files that stand which have not ended, a slice of about `limit` at a time and in no order that means
   * anything; `next` goes on from there, null: that was all. Batches that come or end meanwhile may be in it or not.
   */
  unended(query: { limit: number; after: string | null }): Promise<Unended>;
  /**
   * Purges some of the files that were over before a point in time (milliseconds since 1970): their addresses go, and
   * `FileFacts.purged` stays. Answers with their ids; none: there are no more. What else comes for the same request, or for
   * none, is `superseded`.
   */
  purge(before: number): Promise<string[]>;
  /**
   * Deletes a file, its receipts and every trace of its addresses; false: there is no such file. Its late updates are `superseded`.
   * Dead letters that name the file, or a batch of it, go as well, also where there is no such file.
   */
  remove(fileId: string): Promise<boolean>;
}

export interface BatchNews extends Announced {
  readonly batchId: string;
  /** The results that are new or changed since the announced version, by position. */
  readonly results: readonly PlacedResult[];
  /** The list is shorter than the announced one. */
  readonly truncated: Truncation | null;
}

export interface News {
  readonly facts: FileFacts;
  /** Counts the file's stored changes. */
  readonly changes: number;
  readonly batches: readonly BatchNews[];
}

export interface NewsStore {
  /** The file's latest request; null: nobody has heard of the file. */
  file(fileId: string): Promise<FileFacts | null>;
  /** All batches of the file in arrival order: what a lost feed is built anew from. */
  batches(fileId: string): Promise<BatchState[]>;
  /** How many batches of the file stand how. */
  batchCounts(fileId: string): Promise<BatchCounts>;
  /** What has changed in the named batches since they were announced; null: there is no such file. One consistent view. */
  news(fileId: string, announced: ReadonlyMap<string, Announced>): Promise<News | null>;
  /** Keeps a file's announced stats (JSON) for lists of files, unless that life of the file is over. */
  keepStats(fileId: string, life: string, told: Told, stats: string): Promise<void>;
  /**
   * Changes that `keepStats` has not seen: what a gateway that died left unannounced. `before` (milliseconds since 1970)
   * leaves out what was stored later, for that is on its way still; a store of one gateway alone may answer with all.
   */
  unannounced(before?: number): Promise<Unannounced[]>;
}

/** What of a file has been announced. */
export interface Told {
  /** All changes that were stored up to this count; null: some of them may not be. */
  readonly changes: number | null;
  /** Batches, each up to this version. */
  readonly batches: ReadonlyMap<string, number>;
}

export interface Unannounced {
  readonly fileId: string;
  /** Batches that changed, as far as it is known which. */
  readonly batchIds: readonly string[];
}

export const BATCH_STATUSES = ['waiting', 'running', 'stalled', 'completed', 'failed'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

export interface BatchState extends Announced {
  readonly batchId: string;
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
  readonly fileId: string;
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

export interface ResultStore {
  /** A page in arrival order: the order of registration of the batches, then the place in the batch. */
  page(query: PageQuery): Promise<ResultPage>;
  /**
   * All results in arrival order, a slice at a time; holds no more than a slice in memory. Fails with `unavailable` where
   * the file is deleted or replaced meanwhile, so that a part never passes for the whole.
   */
  scan(fileId: string, filter: Pick<ResultFilter, 'status'>): AsyncIterable<readonly PlacedResult[]>;
  /** Files, newest first, from after the one that `after` points at. The work does not grow with what is left out. */
  files(query: FilesQuery): Promise<ListedFile[]>;
}

export interface FilesQuery {
  readonly limit: number;
  readonly after: FileCursor | null;
  /** Null: all files. */
  readonly viewer?: Viewer | null;
}

/** Whose files are wanted: those of a user, and those of a list. */
export interface Viewer {
  readonly userId: string | null;
  readonly fileIds: readonly string[];
}

/** Where a list of files goes on. */
export interface FileCursor {
  readonly createdAt: string;
  readonly fileId: string;
}
