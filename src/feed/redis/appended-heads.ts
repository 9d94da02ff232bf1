/** The heads that this gateway's own appends have left, so that the next flush of a file need not read it. */

import { ByteCache } from '../../byte-cache.js';
import type { BatchId, FileId } from '../../domain/id.js';
import type { Change, Head } from '../feed.js';

interface AppendedHead {
  readonly head: Head;
  /** Another gateway has appended since; forgotten when a read finds the file as this gateway has left it. */
  isShared: boolean;
}

const MAX_BYTES = 8 * 2 ** 20;
/** What a head, and an announced batch, take in memory beside their texts, about. */
const HEAD_BYTES = 2_000;
const BATCH_BYTES = 1_500;
/** Batches of one file that are remembered; a flush of others reads the head. */
const MAX_BATCHES = 1_000;

/**
 * An append succeeds only on top of the revision that it expects, and a revision of an epoch is written once. So a head that
 * is out of date does no harm: the append answers false, and the head is read. While two gateways append to one file in turn,
 * every head would be out of date, so none is given.
 */
export class AppendedHeads {
  readonly #files = new ByteCache<AppendedHead>(MAX_BYTES);

  /** Null: it is not known, or not what was announced of one of the batches. */
  get(fileId: FileId, batchIds: readonly BatchId[]): Head | null {
    const known = this.#files.get(fileId);
    if (known === undefined || known.isShared) return null;
    return batchIds.every((batchId) => known.head.batches.has(batchId)) ? known.head : null;
  }

  wasRead(fileId: FileId, { epoch, revision }: Head): void {
    const known = this.#files.get(fileId);
    if (known?.head.epoch === epoch && known.head.revision === revision) known.isShared = false;
  }

  /** To be called once a change was appended to a head. */
  appended(fileId: FileId, before: Head, { state, batches: changed, events }: Change): void {
    const known = this.#files.get(fileId);
    const isNext = known?.head.epoch === before.epoch && known.head.revision === before.revision;
    const all = new Map([...(isNext ? known.head.batches : []), ...before.batches, ...changed]);
    const batches = all.size > MAX_BATCHES ? changed : all;
    const head: Head = {
      epoch: before.epoch,
      revision: events.at(-1)?.revision ?? before.revision,
      emailsRevision: events.findLast(({ feed }) => feed === 'emails')?.revision ?? before.emailsRevision,
      state,
      batches,
    };
    const isShared = known !== undefined && !isNext;
    this.#files.set(
      fileId,
      { head, isShared },
      HEAD_BYTES + 2 * state.stats.length + BATCH_BYTES * batches.size,
    );
  }

  /** To be called where an append found another head than it expected. */
  wasOutOfDate(fileId: FileId): void {
    const known = this.#files.get(fileId);
    if (known !== undefined) known.isShared = true;
  }

  forget(fileId: FileId): void {
    this.#files.delete(fileId);
  }

  close(): void {
    this.#files.close();
  }
}
