/** The messages that gateways publish about a file's feed, and the buffer in which they wait until its history is read. */

import type { FeedName } from '../../domain/events.js';
import type { Epoch } from '../../domain/id.js';
import type { FeedEvent } from '../feed.js';

/** An event with its place in the feed. */
export interface Message extends FeedEvent {
  readonly epoch: Epoch;
  /** Revision of the file's last `emails` event before this one. */
  readonly previous: number;
}

/** The file was removed; `id` names this removal. */
interface Removal {
  readonly feed: 'removed';
  readonly id: string;
}

/** The last follower of the file at a gateway has left. */
interface Leaving {
  readonly feed: 'left';
}

const EVENT = /^(stats|emails) (\d+) (\d+) (.*)$/;
const REMOVED = 'removed ';

/** What is published when the last follower at a gateway has left a file that has not begun. */
export const LEFT = 'left';

/** The removal as it is published. */
export const removalMessage = (id: string): string => REMOVED + id;

/**
 * Parses what the script `APPEND` publishes: `{feed} {revision} {previous} {epoch}` on a line of its own, then the payload,
 * which is not parsed. Null: unknown, as from a gateway of a newer version.
 */
export function parseMessage(text: string): Message | Removal | Leaving | null {
  if (text.startsWith(REMOVED)) return { feed: 'removed', id: text.slice(REMOVED.length) };
  if (text === LEFT) return { feed: LEFT };
  const end = text.indexOf('\n');
  const [, feed, revision, previous, epoch] = EVENT.exec(text.slice(0, Math.max(0, end))) ?? [];
  if (epoch === undefined) return null;
  return {
    feed: feed as FeedName,
    revision: Number(revision),
    previous: Number(previous),
    epoch,
    payload: text.slice(end + 1),
  };
}

/** Bytes that may still be added to the buffers that share this budget. */
export interface ByteBudget {
  bytes: number;
}

/** Messages of one file, in the order in which they came. */
export class MessageBuffer {
  #messages: Message[] = [];
  #bytes = 0;

  constructor(private readonly budget: ByteBudget) {}

  /** False: the budget is used up; this message and all buffered ones are dropped, and have to be read from the history. */
  add(message: Message): boolean {
    const bytes = message.payload.length;
    if (bytes > this.budget.bytes) {
      this.take();
      return false;
    }
    this.#messages.push(message);
    this.#bytes += bytes;
    this.budget.bytes -= bytes;
    return true;
  }

  /** Empties the buffer. */
  take(): Message[] {
    const messages = this.#messages;
    this.budget.bytes += this.#bytes;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
