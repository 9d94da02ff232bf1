/** The port to the files, and to the states of their batches. */
import type { BatchId, FileId, UserId } from '../domain/id.js';
import type { Counts } from '../domain/overview.js';
import type { Claimant } from '../domain/ownership.js';
import type { FileFacts } from '../domain/stats.js';
import type { BatchVersion } from '../domain/summary.js';

/** The files, each with its current request. */
export interface FileStore {
  /** The file's latest request, with the time of the last change that was announced, or of a later one; null: no such file. */
  find(fileId: FileId): Promise<FileFacts | null>;
  /** Files, newest first, from the one behind `after` on. The work does not grow with the files before it. */
  list(query: FilesQuery): Promise<ListedFile[]>;
  /**
   * All batches of the file in arrival order, to rebuild a lost feed from. `keep`: what is kept of each that was read, as there may
   * be hundreds of thousands; without it the whole.
   */
  batches<T = BatchState>(fileId: FileId, keep?: (batch: BatchState) => T): Promise<T[]>;
  /** Batches of the file, newest first. The work does not grow with those before them; a status is looked for one by one. */
  batchPage(query: BatchesQuery): Promise<ListedBatch[]>;
  /**
   * What the files that a viewer may see add up to, by the stats that were kept last; null: all files. The work does not grow
   * with the number of files, only with those that the viewer names.
   */
  overview(viewer: Viewer | null): Promise<OverviewCounts>;
  batchCounts(fileId: FileId): Promise<BatchCounts>;
  /**
   * Deletes a file, its submissions and every trace of its addresses; false: no such file. Its late updates are `superseded`.
   * Dead letters that name the file, or a batch of it, are deleted too, even where the file itself does not exist.
   * Its webhooks get `file.deleted`. Deciding whose the file is and deleting it are one step: of a file that is deleted by two
   * calls at once, and begun anew by another user in between, nothing goes. Where the file does not exist, or not any more, of
   * its submissions only those go that the claimant has begun, or may delete the file of. `claimant` left out: the gateway itself.
   * @throws Fault `file_not_found` where the claimant may not delete the file; nothing changes
   */
  remove(fileId: FileId, claimant?: Claimant): Promise<boolean>;
  /**
   * Purges some of the files that ended before a time (milliseconds since 1970): deletes their addresses and keeps
   * `FileFacts.purged`. Answers with their ids; none: all are purged. Later updates of the same request, or of
   * none, are `superseded`.
   */
  purge(before: number): Promise<FileId[]>;
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
