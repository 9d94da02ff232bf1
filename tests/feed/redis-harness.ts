import { emailsPayload } from '../../src/domain/events.js';
import type { Feed, FeedEvent, Follower } from '../../src/feed/feed.js';
import { RedisFeed, type RedisFeedOptions } from '../../src/feed/redis-feed.js';
import { change, headOf, state } from '../contracts/feed/harness.js';
import { onTeardown } from '../support/teardown.js';
import { Signal } from '../support/wait.js';

/** A gateway's feed, closed after the test. */
export function openFeed(redis: string, prefix: string, said: Partial<RedisFeedOptions> = {}): RedisFeed {
  const feed = new RedisFeed({
    redis,
    prefix,
    history: 1_000,
    historyBytes: 2 ** 22,
    ttlMs: 600_000,
    ...said,
  });
  onTeardown(() => feed.close());
  return feed;
}

/** What a flush would append on top of a head: so many events with results, and the stats. */
export function changeOn(
  fileId: string,
  { epoch, revision, emailsRevision }: { epoch: string; revision: number; emailsRevision: number },
  emails = 1,
  padding = '',
) {
  const events: FeedEvent[] = [];
  let previous = emailsRevision;
  for (let next = revision + 1; next <= revision + emails; next++) {
    const result = {
      batchId: 'b1',
      position: next,
      json: JSON.stringify({ email: `${next}@é.test${padding}` }),
    };
    const payload = emailsPayload({ fileId, epoch, revision: next, previous }, [result], []);
    events.push({ feed: 'emails', revision: next, payload });
    previous = next;
  }
  const last = revision + Math.max(1, emails);
  const stats = JSON.stringify({ fileId, epoch, revision: last, status: 'processing' });
  events.push({ feed: 'stats', revision: last, payload: stats });
  return change(events, { state: state({ stats }) });
}

/** Appends one change on top of the current head, however many others do; answers with its events. */
export async function announce(
  feed: Feed,
  fileId: string,
  emails = 1,
  padding = '',
): Promise<readonly FeedEvent[]> {
  for (;;) {
    const head = await headOf(feed, fileId);
    const said = changeOn(fileId, head, emails, padding);
    if (await feed.append(fileId, head, said)) return said.events;
  }
}

/** A follower that records what is delivered to it, and can be waited for. */
export class Recorder implements Follower {
  readonly events: FeedEvent[] = [];
  removals = 0;
  readonly #signal = new Signal();

  event(event: FeedEvent): void {
    this.events.push(event);
    this.#signal.changed();
  }

  removed(): void {
    this.removals++;
    this.#signal.changed();
  }

  get payloads(): string[] {
    return this.events.map(({ payload }) => payload);
  }

  /** Revisions of the `emails` events, in the order they came. */
  get revisions(): number[] {
    return this.events.filter(({ feed }) => feed === 'emails').map(({ revision }) => revision);
  }

  async until(condition: (recorder: this) => boolean): Promise<void> {
    await this.#signal.until(
      () => condition(this),
      () =>
        JSON.stringify([this.removals, ...this.events.map(({ feed, revision }) => `${feed} ${revision}`)]),
    );
  }

  /** Waits for the last of the events. */
  async untilHas(events: readonly FeedEvent[]): Promise<void> {
    await this.until(({ payloads }) => payloads.includes(events.at(-1)?.payload ?? ''));
  }
}

/** Whole numbers from one to another. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
