import { emailsPayload, type Truncation } from '../domain/events.js';
import { JsonText } from '../domain/json-text.js';
import type { PlacedResult } from '../domain/result.js';
import { type Stats, statsOf } from '../domain/stats.js';
import { type AnnouncedBatch, add, EMPTY_SUMMARY, type Summary, subtract } from '../domain/summary.js';
import { advanceWindow, recentRate, startWindow, type ThroughputWindow } from '../domain/throughput.js';
import type { Change, FeedEvent, Head } from '../feed/feed.js';
import type { FileChanges } from '../store/store.js';

/** Bytes of one event's results, about: a listener has to be able to buffer an event whole. */
const EVENT_BYTES = 256 * 1024;

/**
 * The change that announces the news: new totals = old totals − what was announced of the changed batches + what they
 * are now. Its work depends on the changed batches alone, never on their file.
 */
export function changeOf(
  head: Head,
  news: FileChanges,
  emailsPerEvent: number,
  now: number,
): { change: Change; stats: JsonText<Stats> } {
  const { fileId } = news.facts;
  const totals = news.batches.reduce<Summary>(
    (sum, { batchId, summary }) =>
      add(subtract(sum, head.batches.get(batchId)?.summary ?? EMPTY_SUMMARY), summary),
    head.state.totals,
  );
  const events = emailsEvents(fileId, head, news, emailsPerEvent);
  const revision = Math.max(head.revision + 1, events.at(-1)?.revision ?? 0);
  const pace = paceOf(head, news, totals, now);
  const stats = JsonText.of(
    statsOf({
      fileId,
      facts: news.facts,
      totals,
      cursor: { epoch: head.epoch, revision },
      recentRate: pace === null ? 0 : recentRate(pace, now, totals.processed),
    }),
  );
  const change: Change = {
    state: {
      generation: news.facts.generation,
      totals,
      pace,
      stats: stats.json,
      changes: news.changes,
      turned: false,
    },
    batches: new Map(
      news.batches.map(({ batchId, version, summary }): [string, AnnouncedBatch] => [
        batchId,
        { version, summary },
      ]),
    ),
    // The stats come last: who has seen them has seen the results that they count.
    events: [...events, { feed: 'stats', revision, payload: stats.json }],
  };
  return { change, stats };
}

/** How long before its first results a file may be taken to have begun: it may have waited for much longer. */
const FIRST_SPAN_MS = 1_000;

function paceOf(
  { state }: Head,
  { facts }: FileChanges,
  { processed }: Summary,
  now: number,
): ThroughputWindow | null {
  if (state.pace !== null) return advanceWindow(state.pace, now, processed);
  return processed === 0 ? null : startWindow(Math.max(Date.parse(facts.createdAt), now - FIRST_SPAN_MS), 0);
}

/** The changed results, as many to an event as may go into one, each event under a revision of its own. */
function emailsEvents(fileId: string, head: Head, news: FileChanges, emailsPerEvent: number): FeedEvent[] {
  const results = news.batches.flatMap((batch) => batch.results);
  const truncated = news.batches.flatMap((batch) => batch.truncated ?? []);
  const portions = portioned(results, emailsPerEvent);
  // Listeners of an epoch that is over learn of the new one from an event, be there results in it or not.
  if (portions.length === 0 && (truncated.length > 0 || head.state.turned)) portions.push([]);
  let previous = head.emailsRevision;
  return portions.map((portion, index) => {
    const revision = head.revision + 1 + index;
    const cut: readonly Truncation[] = index === 0 ? truncated : [];
    const payload = emailsPayload({ fileId, epoch: head.epoch, revision, previous }, portion, cut);
    previous = revision;
    return { feed: 'emails', revision, payload };
  });
}

function portioned(results: readonly PlacedResult[], atMost: number): PlacedResult[][] {
  const portions: PlacedResult[][] = [];
  let room = 0;
  let bytes = 0;
  for (const result of results) {
    if (room === 0 || bytes + result.json.length > EVENT_BYTES) {
      portions.push([]);
      room = atMost;
      bytes = 0;
    }
    portions.at(-1)?.push(result);
    room -= 1;
    bytes += result.json.length;
  }
  return portions;
}
