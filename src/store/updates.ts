/** The port to the calls that change batches. */
import type { BatchId, FileId, Generation, RequestId, UserId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { FileFacts, SubmissionProgress } from '../domain/stats.js';
import type { Update } from '../domain/update.js';

/** The calls that change batches: registrations and updates. */
export interface UpdateStore {
  /** The file that a batch is registered for; null: no current file. */
  fileOfBatch(batchId: BatchId): Promise<FileId | null>;
  /**
   * Registers batches for a file and applies the updates held for them, or leaves them due, see `applyDue`. A `requestId` other than the file's replaces
   * the file's results. Repeating the call changes nothing. Deciding whose the file is and registering are one step: of
   * two users who claim a new file at once, one becomes its owner. The batches of a request that is over, as far as no file
   * has them, are over with it: of what is held for them goes what this claimant would get, and their updates are `superseded`.
   * @throws InvalidInput where a batch belongs to another file
   * @throws Fault `file_not_found` where the claimant may not change the file; nothing changes
   */
  register(registration: Registration, claimant: Claimant): Promise<Registered>;
  /**
   * Applies the updates that a registration has left due of a file's batch, since they would take long: as if they came only now. What is
   * cut off is due still. False: nothing has changed.
   */
  applyDue(fileId: FileId, batchId: BatchId): Promise<boolean>;
  /** All batches of which something is due: of registrations under way, and of such as were cut off. */
  due(): Promise<readonly DueUpdates[]>;
  /**
   * Throws what `register` would throw, and changes nothing. It reads many batches in several steps, so that other writes
   * do not wait for all of it. Answers with how many batches the file's request has once all are registered, as far as is known.
   */
  checkRegistration(registration: Registration, claimant: Claimant): Promise<number>;
  /** Cuts the batches of a registration into slices. Of those that updates are held for a slice has few: it takes them in. */
  registrationSlices(batches: readonly RegisteredBatch[]): Promise<readonly (readonly RegisteredBatch[])[]>;
  /**
   * Stores an update. One with a `fileId` registers its batch by itself. One for a batch of a file that the sender may not
   * change is held, like one for a batch that is not registered.
   * @throws InvalidInput where its batch belongs to another file
   * @throws Fault `file_not_found` where it names a file that the sender may not change; nothing changes
   */
  save(update: Update, sender: Claimant): Promise<Saved>;
  /**
   * Ends a batch that will never answer; false: the file has no such batch. A later update of it is still taken. `claimant` left
   * out: the gateway itself.
   * @throws Fault `file_not_found` where the claimant may not do that to the file; nothing changes
   */
  fail(fileId: FileId, batchId: BatchId, reason: string, claimant?: Claimant): Promise<boolean>;
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
   * `create`: refused with `file_exists` where the file has another request. `continue`: superseded where this request is
   * not the file's, whatever has its id. Missing: another request is replaced.
   */
  readonly intent?: 'create' | 'continue' | undefined;
  /** Where a list is submitted: how far that is. Ignored unless a request begins. */
  readonly submission?: SubmissionProgress | undefined;
  /** The generation that the registration belongs to: if it is not the file's current one, the registration is superseded. */
  readonly generation?: Generation;
}

/** Batches that are registered in one step, at most. */
export const REGISTERED_AT_ONCE = 1_000;

export interface RegisteredBatch {
  readonly batchId: BatchId;
  /** Addresses in the batch; null: unknown. */
  readonly totalEmails: number | null;
}

export interface Registered {
  /** `superseded`: a later request has replaced this one already, or its file was deleted; no file was changed. */
  readonly outcome: 'created' | 'extended' | 'replaced' | 'unchanged' | 'superseded';
  /** The file as it is now; null: it was deleted while it was registered, so the registration is `superseded`. */
  readonly facts: FileFacts | null;
  /** Batches that changed: new ones, and those whose held updates were applied. */
  readonly touched: readonly BatchId[];
  /** Those of them that are new and had no update yet. */
  readonly fresh: readonly FreshBatch[];
  /** Batches of which something is due; missing: none. */
  readonly due?: readonly BatchId[];
}

/** Batches of a file of which something is due. */
export interface DueUpdates {
  readonly fileId: FileId;
  readonly batchIds: readonly BatchId[];
}

/** A registered batch as it is until its first update: what is announced of it need not be read. */
export interface FreshBatch extends RegisteredBatch {
  readonly version: number;
}

export const UPDATE_OUTCOMES = ['applied', 'unchanged', 'held', 'superseded'] as const;

export interface Saved {
  /**
   * `applied`: it is stored and changed something. `unchanged`: there is nothing new in it. `held`: its batch is not
   * registered; kept until the registration comes. `superseded`: its request was replaced, or its file deleted.
   */
  readonly outcome: (typeof UPDATE_OUTCOMES)[number];
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
