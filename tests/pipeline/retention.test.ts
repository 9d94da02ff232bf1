import { expect, it, jest } from '@jest/globals';
import { createLogger } from '../../src/logger.js';
import { Announcer } from '../../src/pipeline/announcer.js';
import { purgeOldFiles } from '../../src/pipeline/background-jobs.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import { pageOf } from '../contracts/store/harness.js';
import { addresses } from '../support/updates.js';
import { Copy, engine, gatewayOn } from './stage.js';

const SOON = () => Date.now() + 60_000;

it('tells the listeners of a purged file, and keeps nothing to catch up from', async () => {
  const both = await engine();
  const { register, take, flusher, pipeline, store, feed } = gatewayOn(both);
  const copy = await Copy.of(both, 'f1');
  await register({ fileId: 'f1', batches: ['b1', 'b2'] });
  await take({ batchId: 'b1', emails: addresses(3), totalEmails: 4, isComplete: true });
  await take({ batchId: 'b2', emails: addresses(2), totalEmails: 2, isComplete: true });
  await flusher.drain();
  const before = await feed.head('f1', []);
  const stats = copy.stats;
  expect(stats?.status).toBe('completed');

  expect(await pipeline.purge(SOON())).toBe(1);
  expect(await pipeline.purge(SOON())).toBe(0);
  expect(copy.epochs).toHaveLength(2);
  const { epoch, revision, ...kept } = copy.stats ?? {};
  expect(kept).toEqual({ ...stats, status: 'purged', epoch: undefined, revision: undefined });
  expect([epoch, revision]).toEqual([copy.epochs[1], 1]);
  if (before === null) throw new Error('there is a head');
  expect(await feed.since('f1', { epoch: before.epoch, revision: 0 }, before.revision)).toBeNull();

  const snapshots = new Snapshots(
    store,
    feed,
    new Announcer(flusher, null, store.files, feed, new ChangeGate()),
    2 ** 24,
  );
  const late = {
    fileId: 'f1',
    feeds: ['stats', 'emails'] as const,
    since: { epoch: before.epoch, revision: 1 },
    caller: '',
    checkAccess: async () => null,
    isWanted: () => true,
  };
  const answer = (await snapshots.subscribed(late)).parsed();
  expect(answer).toMatchObject({ recovered: false, stats: { status: 'purged', progress: { processed: 5 } } });
  expect(answer.emails?.pagination.total).toBe(0);
});

it('leaves files alone that are not over, or not for long enough', async () => {
  const { register, take, flusher, pipeline, store } = gatewayOn(await engine());
  await register({ fileId: 'f1', batches: ['b1'] });
  await take({ batchId: 'b1', emails: addresses(3) });
  await flusher.drain();
  expect(await pipeline.purge(SOON())).toBe(0);
  await take({ batchId: 'b1', emails: addresses(3), isComplete: true });
  await flusher.drain();
  expect(await pipeline.purge(Date.now() - 60_000)).toBe(0);
  expect((await pageOf(store, { fileId: 'f1', page: 1, limit: 9 })).total).toBe(3);
});

it('is made up for within the hour where the store refuses it', async () => {
  jest.useFakeTimers();
  let tries = 0;
  const purge = async () => {
    if (++tries === 1) throw new Error('the store is away');
    return 1;
  };
  const unused = async () => undefined;
  const pipeline = { purge, markStalled: unused, queueUnannounced: unused, applyDue: unused };
  const stop = purgeOldFiles({ pipeline, logger: createLogger('silent') }, 1);
  try {
    await jest.advanceTimersByTimeAsync(3_599_000);
    expect(tries).toBeGreaterThan(1);
  } finally {
    stop();
    jest.useRealTimers();
  }
});
