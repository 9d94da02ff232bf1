/** Once its time is over, no address is left of a file, wherever one was kept; and none was logged meanwhile, at any level. */
import { describe, expect, test } from '@jest/globals';
import { ENDED, plant, tracesInCluster, tracesInDirectory } from '../support/canaries.js';
import { describeCluster } from '../support/cluster.js';
import { type GatewayProcess, spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { Producer } from '../support/producer.js';
import { CHANNEL, STREAM } from '../support/redis-senders.js';
import { plainClient } from '../support/redis-server.js';
import { settableClock } from '../support/set-clock.js';
import { SOON, sliceValidator } from '../support/slice-validator.js';
import { retry } from '../support/wait.js';

const CANARY = 'canary-8c41d';
const TWO_DAYS_MS = 2 * 24 * 3_600_000;

interface Engine {
  readonly env: NodeJS.ProcessEnv;
  traces(): Promise<string[]>;
  /** What comes another way than over HTTP. */
  plantMore?(gateway: GatewayProcess): Promise<void>;
}

async function expectRetention({ env, traces, plantMore }: Engine): Promise<void> {
  const clock = settableClock();
  const { url: VALIDATOR_URL } = await sliceValidator();
  const settings = { ...SOON, VALIDATOR_SLICE: '6', RETENTION_DAYS: '1', DEAD_LETTER_TTL_MS: '60000' };
  // Swept every second. A list that a file uses does not end by it.
  const all = { ...settings, VALIDATOR_URL, LOG_LEVEL: 'trace', LIST_TTL_MS: '4000', ...clock.env, ...env };
  const before = await spawnGateway(all);
  await plant(before.url, CANARY);
  await plantMore?.(before);
  const metrics = await new Producer(before.url).text('/metrics');
  expect(await traces()).not.toEqual([]);
  expect(await before.end('SIGTERM')).toBe(0);

  clock.set(TWO_DAYS_MS);
  const after = await spawnGateway(all);
  const producer = new Producer(after.url);
  await retry(async () => expect(await traces()).toEqual([]));
  for (const fileId of ENDED) {
    const { body } = await producer.get(`/api/files/${fileId}/stats`);
    expect({ fileId, status: body.status, ...(body.progress as object) }).toMatchObject({
      fileId,
      status: 'purged',
      processed: 12 * (fileId === 'listed' ? 4 : 1),
    });
    expect(await producer.text(`/api/files/${fileId}/export?format=ndjson`)).toBe('');
    expect((await producer.get(`/api/files/${fileId}/export?layout=original`)).status).toBe(400);
  }
  expect((await producer.get('/api/dead-letters')).body.items).toEqual([]);
  expect(await after.end('SIGTERM')).toBe(0);
  for (const { log, complaints } of [before, after]) {
    expect(log.length).toBeGreaterThan(3);
    expect([...log, ...complaints, metrics].join('\n')).not.toContain(CANARY);
  }
}

describe('the embedded engine', () => {
  test('keeps no address beyond its time, and logs none', async () => {
    const DATA_DIR = temporaryDirectory();
    await expectRetention({ env: { DATA_DIR }, traces: async () => tracesInDirectory(DATA_DIR, CANARY) });
  });
});

describeCluster('the distributed engine', (newEnv) => {
  test('keeps no address beyond its time, and logs none', async () => {
    const env = newEnv();
    const redis = plainClient(env.REDIS_URL);
    await expectRetention({
      env,
      traces: () => tracesInCluster(env, CANARY),
      plantMore: async ({ url }) => {
        const poison = [`{"email":"${CANARY}`, `{"batchId":"b","validatedEmails":"${CANARY}"}`, CANARY];
        for (const text of poison) {
          await redis.publish(CHANNEL, text);
          await redis.xadd(STREAM, '*', 'data', text);
        }
        await redis.xadd(STREAM, '*', 'other field', CANARY);
        await retry(async () =>
          expect((await new Producer(url).get('/api/dead-letters')).body.items).toHaveLength(7),
        );
      },
    });
  });
});
