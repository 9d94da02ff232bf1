/** Announces the changes of one file: appends to its feed what the store has and the feed does not. */

import { clock } from '../clock.js';
import type { BatchId, FileId, Generation } from '../domain/id.js';
import { JsonText } from '../domain/json-text.js';
import type { Stats } from '../domain/stats.js';
import { type BatchVersion, NEVER_ANNOUNCED, type Summary, waitingSummary } from '../domain/summary.js';
import { beginEpoch, NO_GENERATION } from '../epoch/head.js';
import type { Feed, Head } from '../feed/feed.js';
import type { Metrics } from '../metrics.js';
import type { BatchChanges, FileChanges, FreshBatch, Store } from '../store/store.js';
import { changeOf } from './change.js';

export interface FlushDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly metrics: Metrics;
  /** Results in one event, at most. */
  readonly emailsPerEvent: number;
}

/** A registered batch that had no update then, as the store answered. */
export interface NewBatch extends FreshBatch {
  readonly generation: Generation;
}

export interface ToFlush {
  /** Batches whose changes the store is asked for. */
  readonly changed: readonly BatchId[];
  /** Those of them that only updates have changed which this gateway has stored. */
  readonly saved: ReadonlySet<BatchId>;
  /** Announced as they were registered, without being read again: what came to them since is a change of its own. */
  readonly registered: readonly NewBatch[];
}

/**
 * `hasOtherChanges`: whether this gateway knows of changes of the file besides those batches. It is asked before the store is
 * read, so that a later change never counts as announced. `arrivedAt`: when the oldest update among the changes came.
 */
export async function flush(
  deps: FlushDeps,
  fileId: FileId,
  { changed, saved, registered }: ToFlush,
  hasOtherChanges: () => boolean,
  arrivedAt?: number,
): Promise<void> {
  const { store, feed, metrics } = deps;
  const batchIds = [...changed, ...registered.map(({ batchId }) => batchId)];
  // Retries when another flush or a new generation won the race.
  for (let remembered = feed.lastHead(fileId, batchIds); ; remembered = null) {
    const head = remembered ?? (await feed.head(fileId, batchIds));
    const announced = new Map(changed.map((id) => [id, head?.batches.get(id) ?? NEVER_ANNOUNCED]));
    const isWhole = !hasOtherChanges();
    const stored = await store.changes.since(fileId, announced, saved);
    if (stored === null) return;
    const changes = withRegistered(stored, registered, head);
    // What is remembered may be out of date, which only an append would find out.
    if (remembered !== null && (!isNews(remembered, changes) || isOver(remembered, changes))) continue;
    if (head === null || isOver(head, changes)) {
      const replaces = head?.epoch ?? null;
      await beginEpoch(store, feed, fileId, { facts: changes.facts, replaces, unannounced: batchIds });
      continue;
    }
    const next = !isNews(head, changes) ? null : changeOf(head, changes, deps.emailsPerEvent, clock.now());
    const revision = next?.change.events.at(-1)?.revision;
    if (revision !== undefined && arrivedAt !== undefined)
      metrics.deliveries.appending(fileId, revision, arrivedAt);
    if (next !== null && !(await feed.append(fileId, head, next.change))) {
      metrics.conflicts.inc();
      continue;
    }
    if (next !== null) metrics.flushes.inc();
    const { generation } = (next?.change ?? head).state;
    const stats = next?.stats ?? new JsonText<Stats>(head.state.stats);
    const versions = announcedVersions(announced, stored);
    await store.changes.markAnnounced(
      fileId,
      generation,
      { changes: isWhole ? changes.changes : null, batches: versions },
      stats,
    );
    return;
  }
}

/** A batch that the feed has already is left out: another flush, or a new epoch, was faster. */
function withRegistered(
  stored: FileChanges,
  registered: readonly NewBatch[],
  head: Head | null,
): FileChanges {
  const { generation } = stored.facts;
  const found = new Set(stored.batches.map(({ batchId }) => batchId));
  const summaries = new Map<number | null, Summary>();
  const batches = registered.flatMap((batch): BatchChanges[] => {
    const { batchId, version, totalEmails } = batch;
    if (batch.generation !== generation || found.has(batchId) || head?.batches.has(batchId)) return [];
    const summary = summaries.get(totalEmails) ?? waitingSummary(totalEmails);
    summaries.set(totalEmails, summary);
    return [{ batchId, version, summary, results: [], truncated: null }];
  });
  return batches.length === 0 ? stored : { ...stored, batches: [...stored.batches, ...batches] };
}

const isNews = ({ state }: Head, { changes, batches }: FileChanges): boolean =>
  batches.length > 0 || state.changes !== changes;

/** In the epoch of another generation, or of another owner: a new one has the access of all listeners checked. */
const isOver = ({ state }: Head, { facts }: FileChanges): boolean =>
  state.generation !== NO_GENERATION &&
  (state.generation !== facts.generation || (state.owner !== null && state.owner !== facts.userId));

/** The versions that are announced after the flush, whether it announced them itself or an earlier one did. */
function announcedVersions(
  before: ReadonlyMap<BatchId, BatchVersion>,
  { batches }: FileChanges,
): Map<BatchId, number> {
  const versions = new Map([...before].map(([batchId, { version }]) => [batchId, version]));
  for (const { batchId, version } of batches) versions.set(batchId, version);
  return versions;
}
