import type { Cursor, EmailsEvent, Feed, FeedEvent, StatsEvent, Subscription } from './protocol.js';

/** Checks the events of one subscription against the rules of the feed, and collects violations. */
export class FeedChecker {
  readonly faults: string[] = [];
  /**
   * Revision of the last `file_emails` if it is known for certain; null: it is only known not to be above the cursor.
   */
  #lastEmails: number | null = null;
  #epoch = '';
  /** A change sends its results before its stats: twice the revision for the results, one more for the stats. */
  #step = -1;

  constructor(
    private readonly fileId: string,
    private readonly feeds: readonly Feed[],
    private readonly emailsPerEvent: number,
    /** Of what its gateway missed, only the newest stats may arrive. */
    private readonly mayMissStats = false,
  ) {}

  answer(answer: Subscription, since: Cursor | null, statsBefore: StatsEvent | null): void {
    const { epoch, revision, recovered, stats, emails, missed } = answer;
    const wantsEmails = this.feeds.includes('emails');
    this.#that(answer.fileId === this.fileId, 'an answer is about another file');
    this.#that(
      stats.epoch === epoch && stats.revision === revision,
      'the stats of an answer are of another revision',
    );
    this.#that(!recovered || since?.epoch === epoch, 'recovered across epochs');
    this.#that(
      (emails !== undefined) === (wantsEmails && !recovered),
      'a first page where none belongs, or none',
    );
    this.#that(
      (missed !== undefined) === (wantsEmails && recovered),
      'missed events where none belong, or none',
    );
    this.#that(
      statsBefore === null || statsBefore.epoch !== epoch || statsBefore.revision <= revision,
      'an answer is older than what was there before',
    );
    if (recovered && since !== null && missed !== undefined) this.#missed(missed, since, revision);
    this.#lastEmails = missed?.at(-1)?.revision ?? (recovered ? this.#lastEmails : null);
    this.#epoch = epoch;
    this.#step = revision * 2 + 1;
  }

  #missed(missed: readonly EmailsEvent[], since: Cursor, upTo: number): void {
    let last: number | null = null;
    for (const event of missed) {
      this.#emails(event);
      this.#that(event.epoch === since.epoch, 'a missed event is of another epoch');
      this.#that(
        event.revision > since.revision && event.revision <= upTo,
        'a missed event is out of bounds',
      );
      this.#that(
        last === null ? event.previous <= since.revision : event.previous === last,
        'the missed events do not chain',
      );
      last = event.revision;
    }
  }

  /** Checks an event that is neither a repeat nor after a gap. */
  event({ feed, body }: FeedEvent): void {
    const { revision } = body;
    const step = revision * 2 + Number(feed === 'stats');
    this.#that(body.fileId === this.fileId, 'an event is about another file');
    this.#that(body.epoch === this.#epoch, 'an event of another epoch was taken');
    this.#that(step > this.#step, `${feed} ${revision} after step ${this.#step / 2}: not in order, or twice`);
    if (this.feeds.length === 2 && !this.mayMissStats)
      this.#that(revision <= Math.floor(this.#step / 2) + 1, `revision ${revision}: a hole before it`);
    this.#step = step;
    if (feed === 'stats') return;
    this.#emails(body);
    if (this.#lastEmails !== null)
      this.#that(body.previous === this.#lastEmails, `emails ${revision}: previous does not chain`);
    this.#lastEmails = revision;
  }

  #emails({ emails, truncated = [], previous, revision }: EmailsEvent): void {
    this.#that(emails.length <= this.emailsPerEvent, `an event with ${emails.length} results`);
    this.#that(previous < revision, 'previous is not before');
    const places = new Set(emails.map(({ batchId, position }) => `${batchId}\n${position}`));
    this.#that(places.size === emails.length, 'a place twice in one event');
    this.#that(
      truncated.every(({ length }) => Number.isInteger(length) && length >= 0),
      'a truncation to no length',
    );
  }

  fault(text: string): void {
    this.faults.push(text);
  }

  #that(holds: boolean, otherwise: string): void {
    if (!holds) this.fault(otherwise);
  }
}
