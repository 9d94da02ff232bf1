import { expect, it } from '@jest/globals';
import { add, EMPTY_SUMMARY } from '../../src/domain/summary.js';
import { registration } from '../contracts/store/harness.js';
import { eventually } from '../support/eventually.js';
import { OPERATOR } from '../support/operator.js';
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

it('leaves out a new batch that the feed has already, with an update that another gateway has announced', async () => {
  const one = await engine();
  const [registrar, other] = [gatewayOn(one), gatewayOn(one)];
  const { facts, fresh } = await registrar.register({ fileId: 'f', batches: ['b1', 'b2'] });
  await other.take({ batchId: 'b1', emails: addresses(2), isComplete: true, totalEmails: 2 });
  await other.flusher.flushNow('f');
  // The flush of the registration comes late.
  registrar.flusher.markRegistered('f', facts?.generation ?? '', fresh);
  await registrar.flusher.flushNow('f');
  // Nor is a batch announced of a request that is over.
  registrar.flusher.markRegistered('f', 'another', [{ batchId: 'b3', version: 1, totalEmails: null }]);
  await registrar.flusher.flushNow('f');
  const stored = await one.store.files.batches('f');
  const sum = stored.reduce((totals, { summary }) => add(totals, summary), EMPTY_SUMMARY);
  expect((await one.feed.head('f', []))?.state.totals).toEqual(sum);
  expect(sum).toMatchObject({ batches: 2, completed: 1, processed: 2 });
});

it('announces the waiting batches that a dead gateway has left, many at a time, and only then all of the file', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  await gateway.register({ fileId: 'f', batches: ['b0'] });
  // Stored, and its gateway died.
  const { facts, fresh } = await one.store.updates.register(
    registration({ fileId: 'f', batches: batchIds }),
    OPERATOR,
  );
  const left = {
    fileId: 'f',
    batchIds: [],
    registered: { generation: facts?.generation ?? '', batches: fresh },
  };
  const { markAnnounced } = one.store.changes;
  const wholeAt: number[] = [];
  Object.assign(one.store.changes, {
    unannounced: async () => [left],
    markAnnounced: (...args: Parameters<typeof markAnnounced>) => {
      const [, , { changes }, stats] = args;
      if (changes !== null) wholeAt.push(stats.parsed().batches.total);
      return markAnnounced.apply(one.store.changes, args);
    },
  });
  const flushes = async () => (await gateway.metrics.flushes.get()).values[0]?.value ?? 0;
  const before = await flushes();
  await gateway.pipeline.queueUnannounced();
  await gateway.flusher.drain();
  expect((await flushes()) - before).toBeLessThan(5);
  expect(wholeAt.length).toBeGreaterThan(0);
  expect(new Set(wholeAt)).toEqual(new Set([MANY]));
  expect(await statsOf(one, 'f')).toMatchObject({ batches: { total: MANY } });
});

it('ends a large registration between two slices when the gateway stops, and the same call completes it', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  const all = registration({ fileId: 'f', batches: batchIds });
  const registering = gateway.pipeline.register(all, OPERATOR);
  await gateway.pipeline.endRegistrations();
  await expect(registering).rejects.toMatchObject({ code: 'unavailable' });
  const { length } = await one.store.files.batches('f');
  expect(length).toBeLessThan(MANY);
  const other = gatewayOn(one);
  expect(['created', 'extended']).toContain((await other.pipeline.register(all, OPERATOR)).outcome);
  expect(await statsOf(one, 'f')).toMatchObject({ batches: { total: MANY } });
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
  expect(await one.store.files.find('f')).toBeNull();
  // Nor is anything held of it, whichever slice a batch was in.
  for (const batchId of batchIds.filter((_, index) => index % 500 === 0))
    expect(await gateway.take({ batchId, emails: addresses(1) })).toBe('superseded');
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

it.each([
  ['a new file, though it is said to have fewer batches', 0, 1],
  ['a file that has others already', 40, null],
])('announces as ended once all slices are registered: %s', async (_, before, totalBatches) => {
  const one = await engine();
  const gateway = gatewayOn(one);
  // Of so many with held updates a slice has only some.
  const some = batchIds.slice(0, 150);
  const others = batchIds.slice(150, 150 + before);
  for (const batchId of [...some, ...others])
    await gateway.take({ batchId, emails: ['x'], isComplete: true, totalEmails: 1 });
  if (before > 0) await gateway.register({ fileId: 'f', batches: others });
  const ended: number[] = [];
  await one.feed.follow('f', {
    event: ({ payload }) => {
      const { status, batches } = JSON.parse(payload);
      if (status === 'completed') ended.push(batches.total);
    },
    removed: () => undefined,
  });
  await gateway.register({ fileId: 'f', totalBatches, batches: some });
  expect(ended).toEqual([150 + before]);
});

it('counts the batches of a file once, though the same call is made several times at once', async () => {
  const one = await engine();
  const gateway = gatewayOn(one);
  const register = (batches = batchIds) => gateway.register({ fileId: 'f', batches });
  await gateway.register({ fileId: 'f', batches: ['other'] });
  const calls = [register(), register()];
  await eventually(
    'the first slice is registered',
    async () => (await one.store.files.batches('f')).length > 1,
  );
  await Promise.all([...calls, register(batchIds.toReversed())]);
  expect(await one.store.files.find('f')).toMatchObject({ totalBatches: batchIds.length + 1 });
  expect((await register()).outcome).toBe('unchanged');
});
