/** Computes the change that announces what is new in the store: new totals, stats and events. Pure. */

import { emailsPayload, type Truncation } from '../domain/events.js';
import type { BatchId, FileId } from '../domain/id.js';
import { JsonText } from '../domain/json-text.js';
import type { PlacedResult } from '../domain/result.js';
import { type Stats, statsOf } from '../domain/stats.js';
import { add, type BatchVersion, type Summary, subtract } from '../domain/summary.js';
import { advanceWindow, recentRate, startWindow, type ThroughputWindow } from '../domain/throughput.js';
import type { Change, FeedEvent, Head } from '../feed/feed.js';
import type { FileChanges } from '../store/store.js';

/** Approximate bytes of the results in one event: a listener's buffer has to hold a whole event. */
const EVENT_BYTES = 256 * 1024;

/**
 * New totals = old totals − the announced summaries of the changed batches + their current ones. The work depends on the
 * changed batches alone, never on the size of the file.
 */
export function changeOf(
  head: Head,
  changes: FileChanges,
  emailsPerEvent: number,
  now: number,
): { change: Change; stats: JsonText<Stats> } {
  const { facts, batches } = changes;
  const { fileId } = facts;
  const totals = totalsAfter(head, changes);
  const events = emailsEvents(fileId, head, changes, emailsPerEvent);
  const revision = Math.max(head.revision + 1, events.at(-1)?.revision ?? 0);
  const pace = paceOf(head, changes, totals, now);
  const stats = JsonText.of(
    statsOf({
      fileId,
      facts,
      totals,
      cursor: { epoch: head.epoch, revision },
      recentRate: pace === null ? 0 : recentRate(pace, now, totals.processed),
    }),
  );
  const change: Change = {
    state: {
      generation: facts.generation,
      owner: facts.userId,
      totals,
      pace,
      stats: stats.json,
      changes: changes.changes,
      isEpochUnannounced: false,
    },
    batches: new Map(
      batches.map(({ batchId, version, summary }): [BatchId, BatchVersion] => [
        batchId,
        { version, summary },
      ]),
    ),
    // The stats come last: a listener that has them has the results that they count.
    events: [...events, { feed: 'stats', revision, payload: stats.json }],
  };
  return { change, stats };
}

function totalsAfter(head: Head, { batches }: FileChanges): Summary {
  let totals = head.state.totals;
  // Of many new batches most share a summary.
  const added = new Map<Summary, number>();
  for (const { batchId, summary } of batches) {
    const announced = head.batches.get(batchId)?.summary;
    if (announced !== undefined) totals = subtract(totals, announced);
    added.set(summary, (added.get(summary) ?? 0) + 1);
  }
  for (const [summary, times] of added) totals = add(totals, summary, times);
  return totals;
}

/** The pace of a file begins at most this long before its first results: it may have waited in a queue until then. */
const FIRST_SPAN_MS = 1_000;

function paceOf(
  { state }: Head,
  { facts }: FileChanges,
  { processed }: Summary,
  now: number,
): ThroughputWindow | null {
  if (state.pace !== null) return advanceWindow(state.pace, now, processed);
  if (processed === 0) return null;
  // The file may have been created by a gateway whose clock is ahead.
  const createdAt = Math.min(Date.parse(facts.createdAt), now);
  return startWindow(Math.max(createdAt, now - FIRST_SPAN_MS), 0);
}

/** The changed results in as few events as the limits allow, each with a revision of its own. */
function emailsEvents(
  fileId: FileId,
  head: Head,
  { batches }: FileChanges,
  emailsPerEvent: number,
): FeedEvent[] {
  const results = batches.flatMap((batch) => batch.results);
  const truncated = batches.flatMap((batch) => batch.truncated ?? []);
  const groups = split(results, emailsPerEvent);
  // Listeners learn of a new epoch from an event, even if it has no results.
  if (groups.length === 0 && (truncated.length > 0 || head.state.isEpochUnannounced)) groups.push([]);
  let previous = head.emailsRevision;
  return groups.map((group, index) => {
    const revision = head.revision + 1 + index;
    const truncations: readonly Truncation[] = index === 0 ? truncated : [];
    const payload = emailsPayload({ fileId, epoch: head.epoch, revision, previous }, group, truncations);
    previous = revision;
    return { feed: 'emails', revision, payload };
  });
}

function split(results: readonly PlacedResult[], emailsPerEvent: number): PlacedResult[][] {
  const groups: PlacedResult[][] = [];
  let room = 0;
  let bytes = 0;
  for (const result of results) {
    if (room === 0 || bytes + result.json.length > EVENT_BYTES) {
      groups.push([]);
      room = emailsPerEvent;
      bytes = 0;
    }
    groups.at(-1)?.push(result);
    room -= 1;
    bytes += result.json.length;
  }
  return groups;
}
