import { expect, it } from '@jest/globals';
import { OPERATOR } from '../../src/domain/ownership.js';
import { add, EMPTY_SUMMARY } from '../../src/domain/summary.js';
import { registration } from '../contracts/store/harness.js';
import { addresses } from '../support/updates.js';
import { engine, gatewayOn } from './stage.js';

const MANY = 2_500;
const batchIds = Array.from({ length: MANY }, (_, number) => `b${number}`);
const statsOf = async ({ feed }: Awaited<ReturnType<typeof engine>>, fileId: string) =>
  JSON.parse((await feed.head(fileId, []))?.state.stats ?? '{}');

it('registers and announces many batches in slices, between which others write', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  await gateway.register({ fileId: 'other', batches: ['o'] });
  let isDone = false;
  const registering = gateway.register({ fileId: 'f', batches: batchIds }).finally(() => {
    isDone = true;
  });
  const counts = new Set<number>();
  let saved = 0;
  while (!isDone) {
    await gateway.take({ batchId: 'o', emails: addresses(++saved) });
    counts.add((await one.store.files.batchCounts('f')).waiting.count);
  }
  const { outcome, facts } = await registering;
  expect({ outcome, totalBatches: facts?.totalBatches }).toEqual({ outcome: 'created', totalBatches: MANY });
  const partly = [...counts].filter((count) => count > 0 && count < MANY);
  expect(partly).not.toEqual([]);
  expect(saved).toBeGreaterThan(MANY / 1_000);
  expect((await one.store.files.batches('f')).map(({ batchId }) => batchId)).toEqual(batchIds);
  expect(await statsOf(one, 'f')).toMatchObject({ status: 'pending', batches: { total: MANY } });
  expect((await gateway.register({ fileId: 'f', batches: batchIds })).outcome).toBe('unchanged');
});

it('announces as many batches as a flush has room for, and does not take one with results for a new one', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  await gateway.take({ batchId: 'b2', emails: addresses(3) });
  await gateway.register({ fileId: 'f', batches: batchIds });
  // An epoch begins with the first slice; each flush after that announces a slice.
  const { values } = await gateway.metrics.flushes.get();
  expect(values[0]?.value).toBeLessThan(8);
  expect(await statsOf(one, 'f')).toMatchObject({ batches: { total: MANY }, progress: { processed: 3 } });
});

it('announces new batches as they were registered, without reading them', async () => {
  const one = await engine();
  const asked: number[] = [];
  const { changes } = one.store;
  const counting = {
    ...changes,
    since: (...[fileId, announced]: Parameters<typeof changes.since>) => {
      asked.push(announced.size);
      return changes.since(fileId, announced);
    },
  };
  const gateway = gatewayOn({ ...one, store: { ...one.store, changes: counting } });
  await gateway.register({ fileId: 'f', batches: batchIds });
  expect(new Set(asked)).toEqual(new Set([0]));
  expect(asked.length).toBeLessThan(8);
  expect(await statsOf(one, 'f')).toMatchObject({ batches: { total: MANY } });
});

it('counts each batch once that another gateway gets updates of while it is registered', async () => {
  const one = await engine();
  const [registrar, other] = [gatewayOn(one), gatewayOn(one)];
  let isDone = false;
  const registering = registrar.register({ fileId: 'f', batches: batchIds }).finally(() => {
    isDone = true;
  });
  for (let n = 0; !isDone || n < 20; n++)
    await other.take({
      batchId: `b${(n * 7) % MANY}`,
      emails: addresses(2),
      isComplete: true,
      totalEmails: 2,
    });
  await registering;
  await Promise.all([registrar.flusher.drain(), other.flusher.drain()]);
  const { totals } = (await one.feed.head('f', []))?.state ?? {};
  const stored = await one.store.files.batches('f');
  expect(totals).toEqual(stored.reduce((sum, { summary }) => add(sum, summary), EMPTY_SUMMARY));
  expect(totals?.batches).toBe(MANY);
});

it('does not call a file complete whose batches are registered in part', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  await Promise.all(
    batchIds
      .slice(0, 1_000)
      .map((batchId) => gateway.take({ batchId, emails: [], isComplete: true, totalEmails: 0 })),
  );
  const statuses = new Set<string>();
  await one.feed.follow('f', {
    event: ({ feed, payload }) => feed === 'stats' && statuses.add(JSON.parse(payload).status),
    removed: () => undefined,
  });
  await gateway.register({ fileId: 'f', batches: batchIds });
  expect(statuses).toEqual(new Set(['processing']));
});

it('refuses many batches before any is registered', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  await gateway.register({ fileId: 'other', batches: ['o'] });
  await expect(gateway.register({ fileId: 'f', batches: [...batchIds, 'o'] })).rejects.toMatchObject({
    errors: [{ field: `batches[${MANY}].batchId` }],
  });
  expect(await one.store.files.find('f')).toBeNull();
});

it('does not bring a file back that is deleted meanwhile', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  const { register } = one.store.updates;
  let slices = 0;
  one.store.updates.register = async (slice, claimant) => {
    if (++slices === 2) await gateway.pipeline.remove('f');
    return register(slice, claimant);
  };
  const all = registration({ fileId: 'f', batches: batchIds });
  expect((await gateway.pipeline.register(all, OPERATOR)).outcome).toBe('superseded');
  expect(slices).toBe(2);
  expect(await one.store.files.find('f')).toBeNull();
});

it('keeps the head of the file until all its batches are registered, and no longer', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  const { follow } = one.feed;
  const followed: string[] = [];
  one.feed.follow = async (fileId, follower) => {
    followed.push(fileId);
    const stop = await follow.call(one.feed, fileId, follower);
    return () => {
      followed.push('stopped');
      stop();
    };
  };
  await gateway.register({ fileId: 'f', batches: batchIds });
  expect(followed).toEqual(['f', 'stopped']);
});
