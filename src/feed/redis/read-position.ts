import type { Message } from './message.js';

/** What a message is to somebody who has read the feed so far: news, something they have, or the proof of a gap before it. */
export type Relation = 'next' | 'repeat' | 'missing';

/** How far one file's feed was handed on. Pure: no connection, no clock. */
export class ReadPosition {
  /** Null: nothing was kept of the file when it was last looked at. */
  epoch: string | null = null;
  /** Revision of the last `emails` event. */
  emails = 0;
  /** Revision of the last stats; -1: none of this epoch. */
  stats = -1;
  /** The epoch before this one: what still comes of it is over. */
  #past: string | null = null;

  /** Everything up to here is known to whoever starts here. */
  moveTo(now: { readonly epoch: string; readonly revision: number; readonly emailsRevision: number }): void {
    this.#turnTo(now.epoch);
    this.emails = Math.max(this.emails, now.emailsRevision);
    this.stats = Math.max(this.stats, now.revision);
  }

  /** Moves on when the message is the next one. An epoch that nobody has heard of starts with its first message. */
  advance({ feed, epoch, revision, previous }: Message): Relation {
    if (epoch === this.#past) return 'repeat';
    this.#turnTo(epoch);
    if (feed === 'stats') {
      // Stats are absolute: older ones than anything that was handed on would take the listeners back.
      if (revision <= this.stats || revision < this.emails) return 'repeat';
      this.stats = revision;
      return 'next';
    }
    if (revision <= this.emails) return 'repeat';
    if (previous > this.emails) return 'missing';
    this.emails = revision;
    return 'next';
  }

  /** What is missing before the message cannot be had: it goes on from there. */
  skipTo({ revision }: Message): void {
    this.emails = Math.max(this.emails, revision);
  }

  #turnTo(epoch: string): void {
    if (epoch === this.epoch) return;
    this.#past = this.epoch;
    this.epoch = epoch;
    this.emails = 0;
    this.stats = -1;
  }
}
