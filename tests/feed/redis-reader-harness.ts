import type { Cursor } from '../../src/domain/events.js';
import { FeedReader } from '../../src/feed/redis/feed-reader.js';
import { Followers } from '../../src/feed/redis/followers.js';
import type { Message } from '../../src/feed/redis/messages.js';
import type { HistoryRead } from '../../src/feed/redis/redis-log.js';
import { Recorder, range } from './redis-harness.js';

export const TTL_MS = 600_000;

/** A Redis that answers when the test says so, about a file with an `emails` event at each revision. */
export class FakeHistory {
  readonly asked: { cursor: Cursor | null; answer: (now: HistoryRead | Error) => void }[] = [];
  readonly #arrivals: (() => void)[] = [];
  removals = 0;

  read = (_fileId: string, cursor: Cursor | null): Promise<HistoryRead> =>
    new Promise((resolve, reject) => {
      const answer = (now: HistoryRead | Error) => (now instanceof Error ? reject(now) : resolve(now));
      this.asked.push({ cursor, answer });
      for (const arrived of this.#arrivals.splice(0)) arrived();
    });

  /** Answers the next question, once it is there; the answer has arrived when this is fulfilled. */
  async answer(now: HistoryRead | Error): Promise<Cursor | null> {
    while (this.asked.length === 0) await new Promise<void>((arrived) => this.#arrivals.push(arrived));
    const { cursor, answer } = this.asked.shift() as (typeof this.asked)[number];
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

export function readerOf(log: FakeHistory, told: Recorder): FeedReader {
  const audience = new Followers(() => undefined);
  audience.add(told);
  const onRemoved = () => undefined;
  return new FeedReader('f1', audience, {
    read: log.read,
    onRemoved,
    ttlMs: TTL_MS,
    budget: { bytes: 1_000 },
  });
}

export async function started(at: HistoryRead, bytes = 1_000_000) {
  const log = new FakeHistory();
  const told = new Recorder();
  const warnings: string[] = [];
  const budget = { bytes };
  const audience = new Followers((message) => warnings.push(message));
  audience.add(told);
  const trail: FeedReader = new FeedReader('f1', audience, {
    read: log.read,
    onRemoved: () => {
      log.removals++;
      trail.end();
    },
    ttlMs: TTL_MS,
    budget,
  });
  const starting = trail.start();
  await log.answer(at);
  await starting;
  const notice = (epoch: string, revision: number) =>
    `{"fileId":"f1","epoch":"${epoch}","revision":${revision},"previous":${revision},"emails":[]}`;
  return { log, told, audience, trail, budget, warnings, notice };
}
