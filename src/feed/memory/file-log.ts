/** The current epoch of one file in memory: its head, its history, and what both take. */

import type { Cursor } from '../../domain/events.js';
import type { BatchId, Epoch } from '../../domain/id.js';
import type { Change, EpochStart, FeedEvent, FeedLimits, FileState, Head } from '../feed.js';
import { AnnouncedBatches } from './announced-batches.js';

/**
 * The payload in UTF-8. As a string it would take one or two bytes a character, which V8 does not tell, and often a tree of
 * the pieces that it was joined from; as bytes it takes what is counted, outside the heap.
 */
interface KeptEvent {
  readonly revision: number;
  readonly payload: Buffer;
}

/** Estimated memory of what is not text: an event, a head. */
const EVENT_BYTES = 250;
const HEAD_BYTES = 2_000;

export class FileLog {
  readonly epoch: Epoch;
  #revision = 0;
  #emailsRevision = 0;
  #state: FileState;
  readonly #batches: AnnouncedBatches;
  readonly #events: KeptEvent[] = [];
  #payloadBytes = 0;
  /** Revision of the newest event that was dropped: from an older revision the history has a gap. */
  #floor = 0;
  changedAt = performance.now();

  constructor({ epoch, state, batches }: EpochStart) {
    this.epoch = epoch;
    this.#state = state;
    this.#batches = new AnnouncedBatches(batches);
  }

  /** About what the log takes in memory. */
  get bytes(): number {
    return HEAD_BYTES + 2 * this.#state.stats.length + this.#batches.bytes + this.historyBytes;
  }

  /** The store did not have the file when the epoch began, and nothing has come since. */
  get isAwaited(): boolean {
    return this.#state.generation === '' && !this.hasChanged;
  }

  /** In this epoch: otherwise it has no history, and is built again as it is. */
  get hasChanged(): boolean {
    return this.#revision > 0;
  }

  /** The part of it that is history. */
  get historyBytes(): number {
    return this.#payloadBytes + EVENT_BYTES * this.#events.length;
  }

  head(batchIds: readonly BatchId[]): Head {
    return {
      epoch: this.epoch,
      revision: this.#revision,
      emailsRevision: this.#emailsRevision,
      state: this.#state,
      batches: this.#batches.of(batchIds),
    };
  }

  isAt({ epoch, revision }: Cursor): boolean {
    return this.epoch === epoch && this.#revision === revision;
  }

  append({ state, batches, events }: Change, limits: FeedLimits): void {
    this.#state = state;
    this.changedAt = performance.now();
    this.#batches.announce(batches);
    for (const event of events) this.#keep(event);
    const newestToDrop = this.#revision - limits.history;
    this.#dropWhile(({ revision }) => revision <= newestToDrop || this.#payloadBytes > limits.historyBytes);
  }

  since({ epoch, revision }: Cursor, upTo: number): FeedEvent[] | null {
    if (epoch !== this.epoch || revision < this.#floor || revision > this.#revision) return null;
    return this.#events
      .filter((event) => event.revision > revision && event.revision <= upTo)
      .map((event) => ({ feed: 'emails', revision: event.revision, payload: event.payload.toString() }));
  }

  dropHistory(): void {
    this.#dropWhile(() => true);
  }

  /** Only `emails` events are kept: of the stats, the newest replace all earlier ones. */
  #keep({ feed, revision, payload }: FeedEvent): void {
    this.#revision = revision;
    if (feed !== 'emails') return;
    this.#emailsRevision = revision;
    // Not from Node's pool, which a small piece would keep in memory.
    const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(payload));
    bytes.write(payload);
    this.#events.push({ revision, payload: bytes });
    this.#payloadBytes += bytes.byteLength;
  }

  #dropWhile(isTooOld: (event: KeptEvent) => boolean): void {
    let dropped = 0;
    for (const event of this.#events) {
      if (!isTooOld(event)) break;
      this.#floor = event.revision;
      this.#payloadBytes -= event.payload.byteLength;
      dropped++;
    }
    this.#events.splice(0, dropped);
  }
}
