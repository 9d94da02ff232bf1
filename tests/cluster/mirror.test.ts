import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { describeCluster, startGateways } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { expectNoHole, Mirror, openRoom } from '../support/mirror.js';
import { message } from '../support/producer.js';
import { hostileResult } from '../support/results.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';

/** Generous, for a busy machine. */
const LONG_MS = 30_000;

describeCluster('the channels of a file', (newEnv) => {
  test('carry the same bytes as the rooms of each gateway', async () => {
    const env = { ...newEnv(), FLUSH_INTERVAL_MS: '3', EMAILS_PER_EVENT: '5' };
    // The channels' names have no prefix, so the file's id must be unique.
    const fileId = randomUUID();
    const urls = (await startGateways(3, env)).map(({ url }) => url);
    const mirror = await Mirror.of(env.REDIS_URL, fileId);
    const rooms = await Promise.all(urls.map((url) => openRoom(url, fileId)));
    const producer = new RetryingProducer(() => urls);
    const workers = await new SimulatedWorkers(fileId, 4, producer).start(4);
    await mirror.until(() => mirror.received.length > 40, LONG_MS);
    await workers.stop();
    const results = Array.from({ length: 60 }, (_, number) => hostileResult(number, 1));
    await producer.update(message(`${fileId}/last`, results, { fileId, isComplete: true }));

    const { revision } = await producer.call(200, 'GET', `/api/files/${fileId}/stats`);
    await mirror.until(() => mirror.has('file_stats', Number(revision)), LONG_MS);
    expectNoHole(mirror.received);
    for (const room of rooms) {
      await eventually('the room has every message', () => room().length >= mirror.received.length);
      expect(room()).toEqual(mirror.received);
    }
  });
});
