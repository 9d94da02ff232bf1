import type { FeedName } from '../../domain/events.js';
import type { FeedEvent } from '../feed.js';

/** An event with its place in the feed. */
export interface Message extends FeedEvent {
  readonly epoch: string;
  /** Revision of the file's last `emails` event before this one. */
  readonly previous: number;
}

/** The file is gone; `id` names this removal. */
export interface Removal {
  readonly feed: 'removed';
  readonly id: string;
}

const EVENT = /^(stats|emails) (\d+) (\d+) (.*)$/;
const REMOVED = 'removed ';

/** The removal as it is published. */
export const removalMessage = (id: string): string => REMOVED + id;

/**
 * Reads what the script `APPEND` publishes: `{feed} {revision} {previous} {epoch}` on a line of its own, and the payload,
 * which nobody has to look into. Null: this gateway is older than the one that wrote it.
 */
export function parseMessage(news: string): Message | Removal | null {
  if (news.startsWith(REMOVED)) return { feed: 'removed', id: news.slice(REMOVED.length) };
  const end = news.indexOf('\n');
  const [, feed, revision, previous, epoch] = EVENT.exec(news.slice(0, Math.max(0, end))) ?? [];
  if (epoch === undefined) return null;
  return {
    feed: feed as FeedName,
    revision: Number(revision),
    previous: Number(previous),
    epoch,
    payload: news.slice(end + 1),
  };
}
