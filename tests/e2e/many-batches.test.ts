import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { Producer } from '../support/producer.js';

/** The largest request has 100,000. */
const MANY = effort(12_000, 100_000);

test(`${MANY} batches are registered after all when the gateway is killed in the middle of it`, async () => {
  const directory = temporaryDirectory();
  const batches = Array.from({ length: MANY }, (_, number) => ({ batchId: `b${number}` }));
  const first = await spawnGateway({ DATA_DIR: directory });
  const counted = async (producer: Producer): Promise<number> => {
    const { status, body } = await producer.get('/api/files/f');
    if (status !== 200) return 0;
    return (body.batches as { waiting: { count: number } }).waiting.count;
  };
  const registering = new Producer(first.url)
    .register('f', { requestId: 'r', batches })
    .catch(() => 'cut off');
  const producer = new Producer(first.url);
  let before = 0;
  while (before === 0) before = await counted(producer);
  await first.end('SIGKILL');
  expect(await registering).toBe('cut off');
  expect(before).toBeLessThan(MANY);

  const second = new Producer((await spawnGateway({ DATA_DIR: directory })).url);
  const kept = await counted(second);
  expect(kept).toBeGreaterThanOrEqual(before);
  expect(kept).toBeLessThan(MANY);
  await second.register('f', { requestId: 'r', batches });
  expect(await counted(second)).toBe(MANY);
  const stats = (await second.get('/api/files/f/stats')).body;
  expect(stats).toMatchObject({ status: 'pending', batches: { total: MANY, completed: 0 } });
  expect((await second.call('DELETE', '/api/files/f')).status).toBe(204);
  expect((await second.get('/api/files/f')).status).toBe(404);
});
