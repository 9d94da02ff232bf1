/** The port `Feed`: the ordered stream of changes of each file, which flushes append to and gateways follow. */

import type { Cursor, FeedName } from '../domain/events.js';
import type { BatchId, Epoch, FileId, Generation, UserId } from '../domain/id.js';
import type { BatchVersion, Summary } from '../domain/summary.js';
import type { ThroughputWindow } from '../domain/throughput.js';

/**
 * A compare-and-append log for each file. Every implementation guarantees:
 *
 * - **One order.** `append` succeeds only on top of the revision that its caller has read, so of two flushes at the same
 *   time one has to read the head again.
 * - **Atomic.** The new head, the announced batches, the history and the publishing of one `append` happen together or
 *   not at all.
 * - **No holes.** Revisions count 1, 2, 3 … inside one epoch. While connected, followers get each event once, in order.
 * - **Bounded.** The history is limited in revisions and in bytes. Head and history expire some time after the last change
 *   of a file without followers, or earlier where memory is short; a new epoch then starts from the store. Of files
 *   that the store does not have little is kept once nothing follows them.
 */
export interface Feed {
  /** The file's head, with what was announced of the named batches; null: it is not kept (any more). */
  head(fileId: FileId, batchIds: readonly BatchId[]): Promise<Head | null>;
  /**
   * The head as this gateway has left it, without asking; null: not known. It may be out of date: then an `append` to it
   * answers false.
   */
  lastHead(fileId: FileId, batchIds: readonly BatchId[]): Head | null;
  /** Starts an epoch at revision 0, only if `replaces` is the current epoch (null: if there is none); otherwise a no-op. */
  begin(fileId: FileId, start: EpochStart, replaces: Epoch | null): Promise<void>;
  /**
   * Appends a change and publishes its events; false: the head is not at `expected` any more, and has to be read again. With
   * the whole head `lastHead` knows the next one.
   */
  append(fileId: FileId, expected: Head | Cursor, change: Change): Promise<boolean>;
  /** The `emails` events after `cursor` up to revision `upTo`, in order; null: not within the kept history. */
  since(fileId: FileId, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null>;
  /** Delivers each event of the file from now on, until the returned function is called. */
  follow(fileId: FileId, follower: Follower): Promise<() => void>;
  /** Deletes head and history of the file, and reports its removal to the followers. */
  remove(fileId: FileId): Promise<void>;
  /** Releases every connection and timer; calling it twice is a no-op. */
  close(): Promise<void>;
}

export interface FeedEvent {
  readonly feed: FeedName;
  readonly revision: number;
  /** JSON, byte for byte as it is sent to rooms and channels. */
  readonly payload: string;
}

/** What the head says about the file at its revision. Plain data: it is stored as JSON. */
export interface FileState {
  /** The generation that is announced (`FileFacts.generation`); empty: the store does not have the file. */
  readonly generation: Generation;
  /** The owner whose listeners were checked; null: there was none. */
  readonly owner: UserId | null;
  /** Sum of the announced summaries. */
  readonly totals: Summary;
  /** Null: no result has been announced yet. */
  readonly pace: ThroughputWindow | null;
  /** The file's stats at this revision, as JSON. */
  readonly stats: string;
  /** Count of the stored changes (`FileChanges.changes`) at this revision. */
  readonly changes: number;
  /** This epoch replaced another one, and no event has said so yet. */
  readonly isEpochUnannounced: boolean;
}

/** The newest revision of a file's feed, with what a flush needs to append to it. */
export interface Head extends Cursor {
  /** Revision of the last `emails` event; 0: none in this epoch. */
  readonly emailsRevision: number;
  readonly state: FileState;
  /** Those of the requested batches that were announced. */
  readonly batches: ReadonlyMap<BatchId, BatchVersion>;
}

/** What an epoch begins with, at revision 0; nothing of it is sent to followers. */
export interface EpochStart {
  readonly epoch: Epoch;
  readonly state: FileState;
  /** The batches that count as announced, as texts of `batchText`: there may be hundreds of thousands. The feed keeps the map. */
  readonly batches: Map<BatchId, string>;
}

/** What one flush appends. */
export interface Change {
  readonly state: FileState;
  /** The batches that this change announces. */
  readonly batches: ReadonlyMap<BatchId, BatchVersion>;
  /** At most one event of each feed for each revision, in order, from `expected.revision + 1` on without holes. */
  readonly events: readonly FeedEvent[];
}

/** An in-process consumer of one file's feed. */
export interface Follower {
  event(event: FeedEvent): void;
  /** The file was deleted. No event follows. */
  removed(): void;
}

/** How much is kept of a file's feed, at most. */
export interface FeedLimits {
  /** Revisions whose events are kept. */
  readonly history: number;
  /** Bytes of events that are kept, as they go over the wire. */
  readonly historyBytes: number;
  /** A file without followers is forgotten this long after its last change. */
  readonly ttlMs: number;
}
