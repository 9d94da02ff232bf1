/** How far a listener has received one file's feed, and whether an event is the next one. Pure: no socket, no clock. */
import type { FeedPosition, FileEmails, Stats, Subscribed } from './protocol.js';

export type FeedEvent = { kind: 'stats'; body: Stats } | { kind: 'emails'; body: FileEmails };

/** An event is the next change, a repeat of one received before, or it shows that an earlier event is missing. */
type EventOrder = 'next' | 'repeat' | 'missing';

/** Events are held for the seconds until an answer. Beyond this the oldest are dropped, and the gap is noticed later. */
const MAX_HELD_RESULTS = 20_000;

export class FeedLog {
  /** The position of the last `file_emails` or of the last answer, whichever is newer. */
  #position: FeedPosition | undefined;
  #newestStats: FeedPosition | undefined;
  #held: FeedEvent[] = [];
  #heldResults = 0;

  get position(): FeedPosition | undefined {
    return this.#position;
  }

  /** Advances if the event is the next one; otherwise nothing changes. */
  offer(event: FeedEvent): EventOrder {
    if (this.#position === undefined || event.body.epoch !== this.#position.epoch) return 'missing';
    return event.kind === 'stats'
      ? this.#offerStats(event.body)
      : this.#offerEmails(event.body, this.#position);
  }

  #offerStats({ epoch, revision }: Stats): EventOrder {
    const newest = this.#newestStats;
    if (newest && newest.epoch === epoch && newest.revision >= revision) return 'repeat';
    this.#newestStats = { epoch, revision };
    return 'next';
  }

  #offerEmails({ epoch, revision, previous }: FileEmails, position: FeedPosition): EventOrder {
    if (revision <= position.revision) return 'repeat';
    if (previous > position.revision) return 'missing';
    this.#position = { epoch, revision };
    return 'next';
  }

  /** The answer is a snapshot, which includes everything up to its revision. */
  startOver({ epoch, revision, stats }: Subscribed): void {
    this.#position = { epoch, revision };
    this.#newestStats = { epoch: stats.epoch, revision: stats.revision };
  }

  /** Everything missed was received. The answer's revision may be higher: that of a change without emails. */
  caughtUp({ epoch, revision }: Subscribed): void {
    if (this.#position?.epoch === epoch && this.#position.revision < revision)
      this.#position = { epoch, revision };
  }

  /** Keeps an event until an answer decides whether it is new. */
  hold(event: FeedEvent): void {
    this.#held.push(event);
    this.#heldResults += weight(event);
    while (this.#heldResults > MAX_HELD_RESULTS && this.#held.length > 1) {
      const oldest = this.#held.shift();
      if (oldest) this.#heldResults -= weight(oldest);
    }
  }

  /**
   * Called when a new request is sent, whose answer is of the current epoch. Held events of another epoch than ours are
   * included in that answer, or their epoch is over: each that is kept would cause another request.
   */
  dropOtherEpochs(): void {
    for (const event of this.takeHeld()) {
      if (event.body.epoch === this.#position?.epoch) this.hold(event);
    }
  }

  takeHeld(): FeedEvent[] {
    const held = this.#held;
    this.#held = [];
    this.#heldResults = 0;
    return held;
  }

  /** The file was deleted: later events of its id are of a new generation. */
  forget(): void {
    this.#position = undefined;
    this.#newestStats = undefined;
    this.takeHeld();
  }
}

/** An event with no results counts too, so that the number of held events is limited. */
function weight(event: FeedEvent): number {
  return event.kind === 'stats' ? 1 : 1 + event.body.emails.length;
}
