import type { Cursor, FeedName } from '../domain/events.js';
import type { AnnouncedBatch, Summary } from '../domain/summary.js';
import type { ThroughputWindow } from '../domain/throughput.js';

/**
 * The ordered stream of changes of each file: a compare-and-append log. Every implementation guarantees, for each file:
 *
 * - **One order.** `append` succeeds only on top of the revision that its caller has seen, so two flushers never cross.
 * - **One step.** The new head, the announced batches, the history and the publishing of one `append` happen together or
 *   not at all.
 * - **No holes.** Revisions count 1, 2, 3 … inside one epoch; followers get each event once, in order, while connected.
 * - **Bounded.** History is kept up to a number of revisions and of bytes, and for a while after the last change. The
 *   head may be lost with it: a new epoch then starts from the store.
 */
export interface Feed {
  /** Where the file's feed stands, with what was announced of the named batches; null: it is not kept (any more). */
  head(fileId: string, batchIds: readonly string[]): Promise<Head | null>;
  /** Starts a new epoch at revision 0 in place of `instead` (null: of nothing); a no-op where another one stands already. */
  begin(fileId: string, start: EpochStart, instead: string | null): Promise<void>;
  /** Appends a change and publishes its events; false: the feed has moved on from `expected`, so read its head again. */
  append(fileId: string, expected: Cursor, change: Change): Promise<boolean>;
  /** The `emails` events after `cursor` up to revision `upTo`, in order; null: not within the kept history. */
  since(fileId: string, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null>;
  /** Hands over each event of the file from now on; the answer ends that. */
  follow(fileId: string, follower: Follower): Promise<() => void>;
  /** Forgets the file and tells its followers that it is gone. */
  remove(fileId: string): Promise<void>;
  /** Lets go of everything; calling it twice is a no-op. */
  close(): Promise<void>;
}

export interface FeedEvent {
  readonly feed: FeedName;
  readonly revision: number;
  /** JSON, byte for byte as rooms and channels get it. */
  readonly payload: string;
}

/** What a feed keeps of a file, besides its history. Plain data: it must survive JSON. */
export interface FileState {
  /** The generation of the file that is announced (`FileFacts.generation`); empty: nobody has heard of the file. */
  readonly generation: string;
  /** Sum of the announced summaries. */
  readonly totals: Summary;
  /** Null: no result has come yet. */
  readonly pace: ThroughputWindow | null;
  /** The file's stats at this revision, as JSON. */
  readonly stats: string;
  /** Count of the stored changes (`News.changes`) at this revision. */
  readonly changes: number;
  /** This epoch took the place of another one, and no event has told the followers yet. */
  readonly turned: boolean;
}

export interface Head extends Cursor {
  /** Revision of the last `emails` event; 0: none in this epoch. */
  readonly emailsRevision: number;
  readonly state: FileState;
  /** Those of the named batches that were announced. */
  readonly batches: ReadonlyMap<string, AnnouncedBatch>;
}

export interface EpochStart {
  readonly epoch: string;
  readonly state: FileState;
  readonly batches: ReadonlyMap<string, AnnouncedBatch>;
}

export interface Change {
  readonly state: FileState;
  /** The batches that this change announces. */
  readonly batches: ReadonlyMap<string, AnnouncedBatch>;
  /** At most one event of each feed for each revision, in order, from `expected.revision + 1` on without holes. */
  readonly events: readonly FeedEvent[];
}

export interface Follower {
  event(event: FeedEvent): void;
  /** The file was deleted. No event follows. */
  removed(): void;
}
