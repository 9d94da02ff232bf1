import type { Cursor } from '../../src/domain/events.js';
import { FeedReader } from '../../src/feed/redis/feed-reader.js';
import { Followers } from '../../src/feed/redis/followers.js';
import type { Message } from '../../src/feed/redis/messages.js';
import type { HistoryRead } from '../../src/feed/redis/redis-log.js';
import { Recorder, range } from './redis-harness.js';

export const TTL_MS = 600_000;

/** A Redis that answers when the test says so, about a file with an `emails` event at each revision. */
export class FakeHistory {
  readonly requests: { cursor: Cursor | null; answer: (now: HistoryRead | Error) => void }[] = [];
  readonly #arrivals: (() => void)[] = [];
  removals = 0;

  read = (_fileId: string, cursor: Cursor | null): Promise<HistoryRead> =>
    new Promise((resolve, reject) => {
      const answer = (now: HistoryRead | Error) => (now instanceof Error ? reject(now) : resolve(now));
      this.requests.push({ cursor, answer });
      for (const arrived of this.#arrivals.splice(0)) arrived();
    });

  /** Answers the next request, once it is there; the answer has arrived when this is fulfilled. */
  async answer(now: HistoryRead | Error): Promise<Cursor | null> {
    while (this.requests.length === 0) await new Promise<void>((arrived) => this.#arrivals.push(arrived));
    const { cursor, answer } = this.requests.shift() as (typeof this.requests)[number];
    answer(now);
    await new Promise(setImmediate);
    return cursor;
  }
}

export const emails = (
  revision: number,
  { epoch = 'e1', previous = revision - 1, size = 0 } = {},
): Message => ({
  feed: 'emails',
  epoch,
  revision,
  previous,
  payload: `emails ${epoch}/${revision}${' '.repeat(size)}`,
});
export const stats = (revision: number, epoch = 'e1'): Message => ({
  feed: 'stats',
  epoch,
  revision,
  previous: revision,
  payload: `stats ${epoch}/${revision}`,
});
export const none: HistoryRead = { kind: 'none', server: 's1' };
/** The feed at a revision, with the events after another one; null: they are not kept. */
export const kept = (revision: number, after: number | null, epoch = 'e1', server = 's1'): HistoryRead => ({
  kind: 'kept',
  server,
  epoch,
  revision,
  emailsRevision: revision,
  stats: `stats ${epoch}/${revision}`,
  missed: after === null ? null : range(after + 1, revision).map((r) => emails(r, { epoch })),
});

export function readerOf(history: FakeHistory, follower: Recorder): FeedReader {
  const followers = new Followers(() => undefined);
  followers.add(follower);
  const onRemoved = () => undefined;
  return new FeedReader('f1', followers, {
    read: history.read,
    onRemoved,
    ttlMs: TTL_MS,
    budget: { bytes: 1_000 },
  });
}

export async function started(at: HistoryRead, bytes = 1_000_000) {
  const history = new FakeHistory();
  const follower = new Recorder();
  const warnings: string[] = [];
  const budget = { bytes };
  const followers = new Followers((message) => warnings.push(message));
  followers.add(follower);
  const reader: FeedReader = new FeedReader('f1', followers, {
    read: history.read,
    onRemoved: () => {
      history.removals++;
      reader.end();
    },
    ttlMs: TTL_MS,
    budget,
  });
  const starting = reader.start();
  await history.answer(at);
  await starting;
  const notice = (epoch: string, revision: number) =>
    `{"fileId":"f1","epoch":"${epoch}","revision":${revision},"previous":${revision},"emails":[]}`;
  return { history, follower, followers, reader, budget, warnings, notice };
}
