/** Long updates that were held are applied after their registration: nothing that is announced in between calls the file ended. */
import { Worker } from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import type { Stats } from '../../src/domain/stats.js';
import { createLogger } from '../../src/logger.js';
import { startBackgroundJobs } from '../../src/pipeline/background-jobs.js';
import { registration } from '../contracts/store/harness.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, update } from '../support/updates.js';
import { Copy, type Engine, engine, gatewayOn } from './stage.js';

/** More than a registration applies by itself. */
const LONG = 4_000;
const BATCHES = ['b1', 'b2', 'b3'];
const ENDED = { emails: ['x'], isComplete: true, totalEmails: 1 };

/** Follows a file, whose batch `b1` is held with a long list; every stats that is announced of it. */
async function heldFor(one: Engine) {
  const gateway = gatewayOn(one);
  const list = { batchId: 'b1', emails: addresses(LONG), isComplete: true, totalEmails: LONG };
  expect(await gateway.take(list)).toBe('held');
  const announced: Stats[] = [];
  await one.feed.follow('f', {
    event: ({ feed, payload }) => feed === 'stats' && announced.push(JSON.parse(payload)),
    removed: () => undefined,
  });
  return { gateway, list, announced };
}

/** Calls something before what is due is applied. */
function beforeApplying({ store }: Engine, before: () => Promise<unknown>): void {
  const { applyDue } = store.updates;
  store.updates.applyDue = async (...args) => {
    await before();
    return applyDue(...args);
  };
}

it('announces no file as ended while something is due, whatever comes to its other batches', async () => {
  const one = await engine();
  const { gateway, announced } = await heldFor(one);
  let calls = 0;
  beforeApplying(one, async () => {
    calls++;
    for (const batchId of ['b2', 'b3']) await gateway.take({ batchId, ...ENDED });
    await gateway.flusher.flushNow('f');
    expect(announced.at(-1)).toMatchObject({
      status: 'processing',
      batches: { total: 3, completed: 2 },
      completedAt: null,
    });
  });
  const copy = await Copy.of(one, 'f');
  await gateway.register({ fileId: 'f', batches: BATCHES });
  expect(calls).toBe(1);
  // The caller is answered once what was held is announced.
  expect(announced.at(-1)).toMatchObject({ status: 'completed', progress: { processed: LONG + 2 } });
  expect(announced.filter(({ status }) => status === 'completed').length).toBe(1);
  expect(announced.every(({ batches }) => batches.total === 3)).toBe(true);
  expect(copy.lists.get('b1')).toEqual(addresses(LONG));
});

it('applies what is due of a large registration once all its batches are known, and announces it', async () => {
  const one = await engine();
  const { gateway, announced } = await heldFor(one);
  const batches = [...BATCHES, ...Array.from({ length: 1_500 }, (_, number) => `more ${number}`)];
  beforeApplying(one, async () => {
    expect((await one.store.files.batches('f')).length).toBe(batches.length);
  });
  await gateway.register({ fileId: 'f', batches });
  expect(announced.at(-1)).toMatchObject({
    batches: { total: batches.length, completed: 1 },
    progress: { processed: LONG },
  });
});

it('applies what is due of a batch that an update has registered at the next sweep', async () => {
  const one = await engine();
  const { gateway, announced } = await heldFor(one);
  await gateway.register({ fileId: 'f', batches: ['b2'] });
  const own = { batchId: 'b1', fileId: 'f', requestId: 'r1', totalEmails: LONG };
  expect(await gateway.take({ ...own, emails: ['x'] })).toBe('applied');
  await gateway.pipeline.applyDue();
  await gateway.flusher.flushNow('f');
  expect(announced.at(-1)).toMatchObject({ batches: { completed: 1 }, progress: { processed: LONG } });
});

it('leaves due what a full disk keeps from being stored: the sweep applies it, or the same call again', async () => {
  for (const way of ['sweep', 'again']) {
    const one = await engine();
    const { gateway, list, announced } = await heldFor(one);
    await gateway.take({ ...list, batchId: 'b2' });
    let isFull = true;
    beforeApplying(one, async () => {
      if (isFull) throw new Error('the disk is full');
    });
    await expect(gateway.register({ fileId: 'f', batches: BATCHES })).rejects.toThrow('the disk is full');
    await expect(gateway.pipeline.applyDue()).rejects.toThrow('the disk is full');
    await gateway.flusher.drain();
    expect(announced.at(-1)).toMatchObject({ status: 'pending', batches: { total: 3 } });
    isFull = false;
    if (way === 'sweep') await gateway.pipeline.applyDue();
    else expect((await gateway.register({ fileId: 'f', batches: BATCHES })).outcome).toBe('unchanged');
    await gateway.flusher.flushNow('f');
    expect(announced.at(-1)).toMatchObject({ progress: { processed: 2 * LONG }, batches: { completed: 2 } });
    expect(await one.store.updates.due()).toEqual([]);
  }
});

it('applies what a gateway that was killed has left, when the next one starts', async () => {
  const one = await engine();
  const { gateway, announced } = await heldFor(one);
  const { applyDue } = one.store.updates;
  one.store.updates.applyDue = () => new Promise(() => {});
  void gateway.register({ fileId: 'f', batches: BATCHES });
  while ((await one.store.updates.due()).length === 0);
  one.store.updates.applyDue = applyDue;
  const next = gatewayOn(one);
  await next.pipeline.queueUnannounced();
  await new Promise<void>((resolve) => {
    const none = async () => undefined;
    const pipeline = {
      purge: async () => 0,
      markStalled: none,
      queueUnannounced: none,
      applyDue: () => next.pipeline.applyDue().finally(resolve),
    };
    const options = { begunMs: 1e6, queuedMs: 1e6, isShared: false, ttlMs: 1e6, retentionDays: 0 };
    onTeardown(startBackgroundJobs({ pipeline, store: one.store, logger: createLogger('silent') }, options));
  });
  await next.flusher.flushNow('f');
  expect(announced.at(-1)).toMatchObject({
    progress: { processed: LONG },
    batches: { total: 3, completed: 1 },
  });
});

it('applies nothing to a file that is deleted or gets another request meanwhile', async () => {
  for (const change of ['delete', 'replace']) {
    const one = await engine();
    const { gateway, announced } = await heldFor(one);
    let isFirst = true;
    beforeApplying(one, async () => {
      if (!isFirst) return;
      isFirst = false;
      if (change === 'delete') await gateway.pipeline.remove('f');
      else await gateway.register({ fileId: 'f', requestId: 'r2', batches: ['c1'] });
    });
    await gateway.register({ fileId: 'f', batches: BATCHES });
    await gateway.flusher.drain();
    expect((await one.store.files.find('f'))?.requestId).toBe(change === 'delete' ? undefined : 'r2');
    expect(announced.every(({ progress }) => progress.processed === 0)).toBe(true);
    expect(await one.store.updates.due()).toEqual([]);
  }
});

/** Holds the next message back that asks the writing thread for an operation; `held` once there is one. */
function holdBack(operation: string) {
  const { postMessage } = Worker.prototype;
  onTeardown(() => {
    Worker.prototype.postMessage = postMessage;
  });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message.operation !== operation) return postMessage.call(this, message, ...rest);
      Worker.prototype.postMessage = postMessage;
      release = () => postMessage.call(this, message, ...rest);
      resolve();
    };
  });
  return { held, release: () => release() };
}

it("gives what is due to one owner's file to no other, who registers the batch once that file is deleted", async () => {
  const of = (userId: string) => ({ userId, files: [], isAdmin: false });
  for (const operation of ['dueUpdates.next', 'longLists.add', 'longLists.finish', 'dueUpdates.settle']) {
    const one = await engine();
    const { pipeline, flusher } = gatewayOn(one);
    const emails = (userId: string) => addresses(LONG, `of ${userId}`);
    const register = (userId: string) =>
      pipeline.register(registration({ fileId: `f-${userId}`, batches: ['b'] }), of(userId));
    for (const userId of ['ann', 'joe']) {
      const list = { batchId: 'b', emails: emails(userId), isComplete: true, totalEmails: LONG };
      expect(await pipeline.handle(update(list), of(userId))).toBe('held');
    }
    const joes = await Copy.of(one, 'f-joe');
    const step = holdBack(operation);
    const registering = register('ann');
    await step.held;
    const removing = pipeline.remove('f-ann', of('ann'));
    while ((await one.store.files.find('f-ann')) !== null);
    const registeringNext = register('joe');
    while ((await one.store.files.find('f-joe')) === null);
    step.release();
    await Promise.all([registering, registeringNext, removing]);
    expect(joes.lists.get('b')).toEqual(emails('joe'));
    expect(joes.stats).toMatchObject({ status: 'completed', progress: { processed: LONG } });
    expect((await one.store.updates.heldCounts()).updates).toBe(0);
    await flusher.drain();
  }
});

it('ends applying when the gateway stops, between two batches', async () => {
  const one = await engine();
  const { gateway, list } = await heldFor(one);
  await gateway.take({ ...list, batchId: 'b2' });
  let stopping = Promise.resolve();
  beforeApplying(one, async () => {
    stopping = gateway.pipeline.endRegistrations();
  });
  await expect(gateway.register({ fileId: 'f', batches: BATCHES })).rejects.toMatchObject({
    code: 'unavailable',
  });
  await stopping;
  expect(await one.store.updates.due()).toEqual([{ fileId: 'f', batchIds: ['b2'] }]);
});
