import { expect } from '@jest/globals';
import { batchText } from '../../../src/domain/batch-text.js';
import { type BatchVersion, EMPTY_SUMMARY, type Summary, withFlags } from '../../../src/domain/summary.js';
import type { Change, EpochStart, Feed, FeedEvent, FileState, Head } from '../../../src/feed/feed.js';

/** How much a feed remembers; generous where a test does not care. */
export interface FeedLimits {
  readonly history: number;
  readonly historyBytes: number;
  readonly ttlMs: number;
}

/** A feed for one test alone, and how to dispose of it. */
export interface OpenedFeed {
  readonly feed: Feed;
  dispose(): Promise<void> | void;
}

export type OpenFeed = (limits: FeedLimits) => Promise<OpenedFeed>;

/** Opens a feed for the test that runs; closed after it. */
export type Opens = (limits?: Partial<FeedLimits>) => Promise<Feed>;

export const state = (said: Partial<FileState> = {}): FileState => ({
  generation: '1',
  owner: null,
  totals: EMPTY_SUMMARY,
  pace: null,
  stats: '{}',
  changes: 0,
  isEpochUnannounced: false,
  ...said,
});

const FLAGS = { begun: true, isComplete: false, isFailed: false, isStalled: false, totalEmails: 10 };

/** What was announced of a batch: so many results, at this version. */
export const announced = (version: number, processed: number): BatchVersion => {
  const summary: Summary = withFlags({ ...EMPTY_SUMMARY, processed }, FLAGS);
  return { version, summary };
};

export const start = (
  epoch: string,
  {
    batches = new Map(),
    ...said
  }: Partial<Omit<EpochStart, 'batches'>> & { readonly batches?: ReadonlyMap<string, BatchVersion> } = {},
): EpochStart => ({
  epoch,
  state: state(),
  batches: new Map([...batches].map(([batchId, batch]) => [batchId, batchText(batch)])),
  ...said,
});

/** The events of a change on top of a revision: some of results, each under its own revision, and the stats with the last. */
export function events(head: Pick<Head, 'revision'>, emails = 1, payload = 'x'): FeedEvent[] {
  const sent = Array.from({ length: emails }, (_, i): FeedEvent => {
    const revision = head.revision + 1 + i;
    return { feed: 'emails', revision, payload: `{"emails":"${payload}","revision":${revision}}` };
  });
  const revision = head.revision + Math.max(1, emails);
  return [...sent, { feed: 'stats', revision, payload: `{"stats":"${payload}","revision":${revision}}` }];
}

export const change = (events: readonly FeedEvent[], said: Partial<Change> = {}): Change => ({
  state: state(),
  batches: new Map(),
  ...said,
  events,
});

export async function headOf(feed: Feed, fileId: string, batchIds: readonly string[] = []): Promise<Head> {
  const head = await feed.head(fileId, batchIds);
  if (head === null) throw new Error('there is no head');
  return head;
}

/** Appends one change on top of the current head; answers with its events. */
export async function append(feed: Feed, fileId: string, emails = 1, payload = 'x'): Promise<FeedEvent[]> {
  const head = await headOf(feed, fileId);
  const sent = events(head, emails, payload);
  expect(await feed.append(fileId, head, change(sent))).toBe(true);
  return sent;
}

/** A follower that records what is delivered to it, in order. */
export class FollowerSpy {
  readonly events: FeedEvent[] = [];
  removals = 0;

  event(event: FeedEvent): void {
    this.events.push(event);
  }

  removed(): void {
    this.removals++;
  }
}
