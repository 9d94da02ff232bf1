/** The port to the outbox. */
import type { Truncation } from '../domain/events.js';
import type { BatchId, FileId, Generation } from '../domain/id.js';
import type { JsonText } from '../domain/json-text.js';
import type { PlacedResult } from '../domain/result.js';
import type { FileFacts, FileOwner, Stats } from '../domain/stats.js';
import type { BatchVersion } from '../domain/summary.js';
import type { FreshBatch } from './updates.js';

/** The outbox: what is stored and not announced yet. */
export interface ChangeStore {
  /**
   * The changes of the named batches since the announced versions; null: no such file. One consistent view. Of a batch in
   * `saved`, those up to the last update that this store has saved are enough: who has changed it since announces that.
   */
  since(
    fileId: FileId,
    announced: ReadonlyMap<BatchId, BatchVersion>,
    saved?: ReadonlySet<BatchId>,
  ): Promise<FileChanges | null>;
  /**
   * Clears the outbox up to the announced versions, of batches perhaps a moment later, and keeps the stats that lists of files
   * show. The events that webhooks get of these stats are stored in the same step. A no-op where that generation of the file is
   * over.
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
  /** What of a file may not be announced, whichever gateway stored it; null: there is no such file. */
  pending(fileId: FileId): Promise<PendingChanges | null>;
}

export interface PendingChanges extends FileOwner {
  /** The file itself has such a change, or it is not known what has. */
  readonly ofFile: boolean;
  /** Batches with such changes, and their versions. The feed knows of some that they are announced. */
  readonly batches: ReadonlyMap<BatchId, number>;
}

export interface FileChanges {
  readonly facts: FileFacts;
  /** Counts the file's stored changes. */
  readonly changes: number;
  readonly batches: readonly BatchChanges[];
  /** Batches that are left for another call: with them the answer would have more bytes than `CHANGES_BYTES`. */
  readonly left: readonly BatchId[];
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
  /** Batches that were registered and had no update yet, with their generation; missing: none. */
  readonly registered?: { readonly generation: Generation; readonly batches: readonly FreshBatch[] };
}
