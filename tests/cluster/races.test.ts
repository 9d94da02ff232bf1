import { expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { add, EMPTY_SUMMARY } from '../../src/domain/summary.js';
import type { Update } from '../../src/domain/update.js';
import type { FeedEvent } from '../../src/feed/feed.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { Flusher } from '../../src/pipeline/flusher.js';
import { openFeed, Recorder } from '../feed/redis-harness.js';
import { openStore } from '../store/mongo-harness.js';
import { type ClusterEnv, describeCluster } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import type { EmailsEvent, StatsEvent } from '../support/protocol.js';
import { addresses, update } from '../support/updates.js';

/** Rounds in which several gateways flush one file at the same time. */
const FLUSHES = effort(80, 1_000);
const GATEWAYS = 4;
/** Several files, so that the test does not wait for the disk each time. */
const FILES = 10;
const ROUNDS = Math.ceil(FLUSHES / GATEWAYS / FILES);
/** Results of a batch before the next batch begins. */
const SIZE = 12;

describeCluster('gateways', (newEnv) => {
  test(`that flush one file at the same time, ${FLUSHES} times, announce everything once`, async () => {
    const env = newEnv();
    const gateways = Array.from({ length: GATEWAYS }, () => gatewayOf(env));
    const [a, b] = gateways as [OneGateway, OneGateway];
    const others = openFeed(env.REDIS_URL, env.KEY_PREFIX);
    const race = async (fileId: string) => {
      const follower = new Recorder();
      await others.follow(fileId, follower);
      for (let round = 0; round < ROUNDS; round++) {
        // One gateway stores an update, or two do, and all announce whatever is stored.
        const updates = [batchOf(fileId, 'a', round), batchOf(fileId, 'b', round)] as const;
        await Promise.all([
          a.store.updates.save(updates[0], VALIDATOR),
          round % 3 === 0 && b.store.updates.save(updates[1], VALIDATOR),
        ]);
        const batchIds = updates.map(({ batchId }) => batchId);
        for (const { flusher } of gateways) flusher.markChanged(fileId, batchIds);
        await Promise.all(gateways.map(({ flusher }) => flusher.flushNow(fileId)));
      }
      const head = await a.feed.head(fileId, []);
      const batches = await b.store.files.batches(fileId);
      expect(head?.state.totals).toEqual(
        batches.reduce((sum, { summary }) => add(sum, summary), EMPTY_SUMMARY),
      );
      await follower.until(({ events }) => events.at(-1)?.revision === head?.revision);
      expectEachOnce(follower.events, head?.state.totals.processed ?? 0);
    };
    await Promise.all(Array.from({ length: FILES }, (_, number) => race(`f${number}`)));

    expect(await a.store.changes.unannounced()).toEqual([]);
    const counts = await Promise.all(gateways.map(({ metrics }) => metrics.conflicts.get()));
    const conflicts = counts.reduce((sum, { values }) => sum + (values[0]?.value ?? 0), 0);
    expect(conflicts).toBeGreaterThan(ROUNDS);
  });
});

type OneGateway = ReturnType<typeof gatewayOf>;

function gatewayOf({ MONGODB_URI, REDIS_URL, KEY_PREFIX }: ClusterEnv) {
  const store = openStore(MONGODB_URI);
  const feed = openFeed(REDIS_URL, KEY_PREFIX);
  const metrics = createMetrics();
  const logger = createLogger('silent');
  const flusher = new Flusher({ store, feed, logger, metrics, intervalMs: 0, emailsPerEvent: 7 });
  return { store, feed, metrics, flusher };
}

/** A list that grows by one result in each round, then the next list. */
function batchOf(fileId: string, gateway: string, run: number): Update {
  const batchId = `${fileId}${gateway}${Math.floor(run / SIZE)}`;
  return update({ batchId, fileId, emails: addresses((run % SIZE) + 1, batchId), totalEmails: SIZE });
}

/** Revisions have no gap, events are chained, stats never go back, and each result was announced exactly once. */
function expectEachOnce(events: readonly FeedEvent[], results: number): void {
  const places = new Set<string>();
  let [revision, previous, processed] = [0, 0, 0];
  for (const event of events) {
    const body = JSON.parse(event.payload) as EmailsEvent | StatsEvent;
    expect(body.revision).toBe(event.revision);
    if (event.revision !== revision) expect(event.revision).toBe(revision + 1);
    revision = event.revision;
    if ('previous' in body) {
      expect(body.previous).toBe(previous);
      previous = body.revision;
      for (const { batchId, position } of body.emails) {
        expect(places).not.toContain(`${batchId} ${position}`);
        places.add(`${batchId} ${position}`);
      }
    } else {
      expect(body.progress.processed).toBeGreaterThanOrEqual(processed);
      expect(body.progress.processed).toBe(places.size);
      processed = body.progress.processed;
    }
  }
  expect(places.size).toBe(results);
}
