import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { LoadGenerator, SIZE } from '../support/load-generator.js';
import type { Oracle } from '../support/oracle.js';
import { message, Producer } from '../support/producer.js';
import { Reading } from '../support/reading.js';
import { mixed, plainResults } from '../support/results.js';
import { type Entry, entriesOf, tally } from '../support/tally.js';
import { retry } from '../support/wait.js';

/** Kills, at random moments while updates are being acknowledged, each on the same directory. */
const ROUNDS = effort(4, 20);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);

test(`nothing that was acknowledged is lost (KILL_SEED=${SEED})`, async () => {
  const env = { DATA_DIR: temporaryDirectory(), FLUSH_INTERVAL_MS: '5', EMAILS_PER_EVENT: '7' };
  const load = new LoadGenerator(SEED);
  const listener = new StrictListener('throughout', { emailsPerEvent: 7 });
  const epochs = new Set<string>();

  for (let round = 0; round < ROUNDS; round++) {
    const gateway = await spawnGateway(env);
    await survey(gateway.url, load, ['throughout', `round ${round - 1}`]);
    const seen = new Map(listener.copy);
    await listener.join(gateway.url);
    expect(listener.answers.at(-1)?.recovered).toBe(false);
    expect(epochs).not.toContain(listener.cursor?.epoch);
    epochs.add(String(listener.cursor?.epoch));
    // An announced result had been stored before: a listener never has more than the restarted gateway.
    for (const [place] of seen) expect(listener.copy.has(place)).toBe(true);

    const sending = load.start(gateway.url, ['throughout', `round ${round}`], 6);
    const target = load.answered + 1;
    await listener.until(() => load.answered >= target || listener.events.length > 0);
    await new Promise((resolve) => setTimeout(resolve, mixed(SEED, round) % 250));
    expect(await gateway.end('SIGKILL')).toBeNull();
    await sending;
    await listener.until(() => !listener.isConnected);
  }
  expect(load.answered).toBeGreaterThan(0);

  const { url } = await spawnGateway(env);
  await survey(url, load, [...load.oracles.keys()]);
  await listener.join(url);
  await load.finish(url);
  await listener.until(() => listener.stats?.status === 'completed');
  const stored = await new Reading(new Producer(url), 'throughout').ndjson();
  expect(new Set(listener.copy.values())).toEqual(new Set(stored));
  expect(listener.stats?.progress).toMatchObject({ processed: stored.length, percentage: 100 });
  expect(listener.faults).toEqual([]);
  expect(listener.gaps).toBe(0);
});

test('what was stored and not announced is in the list of files, and with listeners, after the restart', async () => {
  // The second flush would come after the end of the test.
  const env = { DATA_DIR: temporaryDirectory(), FLUSH_INTERVAL_MS: '60000' };
  const killed = await spawnGateway(env);
  const producer = new Producer(killed.url);
  const listener = await new StrictListener('f').join(killed.url);
  const results = plainResults('jane', 8);
  await producer.register('f', { batches: [{ batchId: 'b', totalEmails: 8 }] });
  await listener.until(() => listener.stats?.progress.total === 8);
  expect(await producer.update(message('b', results, { upTo: 5, total: 8 }))).toBe('applied');
  expect(listener.stats?.progress.processed).toBe(0);
  await killed.end('SIGKILL');
  await listener.until(() => !listener.isConnected);

  const { url } = await spawnGateway(env);
  const { items } = (await new Producer(url).get('/api/files')).body as { items: unknown[] };
  expect(items).toMatchObject([{ fileId: 'f', progress: { total: 8, processed: 5 } }]);
  await listener.join(url);
  expect(listener.copy.size).toBe(5);
  expect(listener.stats?.progress.processed).toBe(5);
  expect(listener.faults).toEqual([]);
});

/** Compares all that a restarted gateway reports of the files with the updates sent to the killed ones. */
async function survey(url: string, load: LoadGenerator, fileIds: readonly string[]): Promise<void> {
  const producer = new Producer(url);
  for (const fileId of fileIds) {
    const oracle = load.oracles.get(fileId);
    if (oracle === undefined || oracle.batchIds.length === 0) continue;
    const reading = new Reading(producer, fileId);
    const stored = await reading.ndjson();
    const batchIds = new Set([...oracle.batchIds, ...stored.map(({ batchId }) => batchId)]);
    for (const batchId of batchIds) {
      const list = stored.filter((entry) => entry.batchId === batchId);
      expectStanding(oracle, batchId, list);
    }
    expect(await reading.pages({}, 100)).toEqual(stored);
    const stats = await reading.stats();
    const { processed, ...counts } = tally(stored);
    expect(stats).toMatchObject({
      ...counts,
      progress: { total: batchIds.size * SIZE, processed },
      batches: { total: batchIds.size, failed: 0, stalled: 0 },
    });
    // Without another update: the restart alone corrects the list of files.
    await retry(async () => {
      const { items } = (await producer.get('/api/files?limit=500')).body as { items: (typeof stats)[] };
      const listed = items.find((item) => item.fileId === fileId);
      expect(withoutPlace(listed ?? {})).toEqual(withoutPlace(stats));
    });
  }
}

/** Kept stats hold the epoch in which they were kept, and throughput depends on the moment. */
function withoutPlace(stats: Record<string, unknown>): object {
  const { epoch, revision, throughput, ...rest } = stats;
  return rest;
}

/** A stored list was sent as an update, and is not older than an acknowledged one. */
function expectStanding(oracle: Oracle, batchId: string, stored: readonly Entry[]): void {
  const text = JSON.stringify(stored);
  const fits = oracle.candidates(batchId).some((message) => JSON.stringify(entriesOf(message)) === text);
  expect({ batchId, length: stored.length, fits }).toEqual({ batchId, length: stored.length, fits: true });
}
