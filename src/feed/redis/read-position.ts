/** Decides, for each message of a file's channel, whether it comes next, is a repeat, or shows a gap before it. */

import type { Epoch } from '../../domain/id.js';
import type { Message } from './messages.js';

type Relation = 'next' | 'repeat' | 'gap';

/** How far one file's feed was delivered. Pure: no connection, no clock. */
export class ReadPosition {
  /** Null: nothing was kept of the file at the last read. */
  epoch: Epoch | null = null;
  /** Revision of the last `emails` event. */
  emails = 0;
  /** Revision of the last stats; -1: none of this epoch. */
  stats = -1;
  /** The epoch before this one: its late messages are repeats. */
  #replacedEpoch: Epoch | null = null;

  /** Everything up to this point of the feed was read. */
  moveTo(point: { readonly epoch: Epoch; readonly revision: number; readonly emailsRevision: number }): void {
    this.#enterEpoch(point.epoch);
    this.emails = Math.max(this.emails, point.emailsRevision);
    this.stats = Math.max(this.stats, point.revision);
  }

  /** Moves on to the message where it is the next one. The first message of a new epoch moves into that epoch. */
  advance({ feed, epoch, revision, previous }: Message): Relation {
    if (epoch === this.#replacedEpoch) return 'repeat';
    this.#enterEpoch(epoch);
    if (feed === 'stats') {
      // Stats are absolute: delivered after newer events, old ones would take the listeners back.
      if (revision <= this.stats || revision < this.emails) return 'repeat';
      this.stats = revision;
      return 'next';
    }
    if (revision <= this.emails) return 'repeat';
    if (previous > this.emails) return 'gap';
    this.emails = revision;
    return 'next';
  }

  /** Moves on to the message although the events of the gap before it are lost. */
  skipTo({ revision }: Message): void {
    this.emails = Math.max(this.emails, revision);
  }

  #enterEpoch(epoch: Epoch): void {
    if (epoch === this.epoch) return;
    this.#replacedEpoch = this.epoch;
    this.epoch = epoch;
    this.emails = 0;
    this.stats = -1;
  }
}
