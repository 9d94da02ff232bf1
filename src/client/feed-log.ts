import type { FeedPosition, FileEmails, Stats, Subscribed } from './protocol.js';

export type FeedEvent = { kind: 'stats'; body: Stats } | { kind: 'emails'; body: FileEmails };

/** What an event is to a listener: news, something it has, or the proof that something before it never came. */
export type EventOrder = 'next' | 'repeat' | 'missing';

/** Held events are for the seconds until an answer; beyond this many results the oldest go, and the gap is noticed. */
const HELD_RESULTS = 20_000;

/** How far a listener has read one file's feed, and what came too early to be read. Pure: no socket, no clock. */
export class FeedLog {
  /** Of the last `file_emails` or answer, whichever is newer. */
  #position: FeedPosition | undefined;
  #newestStats: FeedPosition | undefined;
  #held: FeedEvent[] = [];
  #heldResults = 0;

  get position(): FeedPosition | undefined {
    return this.#position;
  }

  /** Moves on when the event is the next one; otherwise nothing changes. */
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

  /** The answer is a snapshot: everything up to its revision is in it. */
  startOver({ epoch, revision, stats }: Subscribed): void {
    this.#position = { epoch, revision };
    this.#newestStats = { epoch: stats.epoch, revision: stats.revision };
  }

  /** All that was missed has been read: the answer's revision may be that of a change without emails. */
  caughtUp({ epoch, revision }: Subscribed): void {
    if (this.#position?.epoch === epoch && this.#position.revision < revision)
      this.#position = { epoch, revision };
  }

  /** Keeps an event until an answer tells whether it is new. */
  hold(event: FeedEvent): void {
    this.#held.push(event);
    this.#heldResults += weight(event);
    while (this.#heldResults > HELD_RESULTS && this.#held.length > 1) {
      const oldest = this.#held.shift();
      if (oldest) this.#heldResults -= weight(oldest);
    }
  }

  /**
   * For when a new request is sent: its answer is in the epoch that holds by then. Events of another epoch than ours that
   * came before it are in that answer, or of a life that is over; held on to, each would ask for an answer of its own.
   */
  dropStrangers(): void {
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

  /** The file is gone: whatever comes under its id is another life. */
  forget(): void {
    this.#position = undefined;
    this.#newestStats = undefined;
    this.takeHeld();
  }
}

function weight(event: FeedEvent): number {
  return event.kind === 'stats' ? 1 : 1 + event.body.emails.length;
}
