import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { describeCluster, startGateways } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { Flood } from '../support/flood.js';
import { expectNoHole, Mirror, openRoom } from '../support/mirror.js';
import { PatientProducer } from '../support/patient.js';
import { message } from '../support/producer.js';
import { hostileResult } from '../support/results.js';

/** A busy machine takes its time. */
const LONG_MS = 30_000;

describeCluster('the channels of a file', (newEnv) => {
  test('carry what the rooms of each gateway get, byte for byte', async () => {
    const env = { ...newEnv(), FLUSH_INTERVAL_MS: '3', EMAILS_PER_EVENT: '5' };
    // Their names have no prefix.
    const fileId = randomUUID();
    const urls = (await startGateways(3, env)).map(({ url }) => url);
    const mirror = await Mirror.of(env.REDIS_URL, fileId);
    const rooms = await Promise.all(urls.map((url) => openRoom(url, fileId)));
    const producer = new PatientProducer(() => urls);
    const flood = await new Flood(fileId, 4, producer).pour(4);
    await mirror.until(() => mirror.heard.length > 40, LONG_MS);
    await flood.stop();
    const results = Array.from({ length: 60 }, (_, number) => hostileResult(number, 1));
    await producer.update(message(`${fileId}/last`, results, { fileId, isComplete: true }));

    const { revision } = await producer.call(200, 'GET', `/api/files/${fileId}/stats`);
    await mirror.until(() => mirror.has('file_stats', Number(revision)), LONG_MS);
    expectNoHole(mirror.heard);
    for (const room of rooms) {
      await eventually('the room has all of it', () => room().length >= mirror.heard.length);
      expect(room()).toEqual(mirror.heard);
    }
  });
});
