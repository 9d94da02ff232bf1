import { describe, expect, it } from '@jest/globals';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import type { ChangeStore, PendingChanges } from '../../src/store/store.js';
import { addresses } from '../support/updates.js';
import { engine, flaky, gatewayOn } from './stage.js';

describe('a flush asks the store', () => {
  /** What it was asked for of `b1`. */
  async function asked() {
    const { store, feed } = await engine();
    const calls: ('saved' | 'all')[] = [];
    let failures = 0;
    const changes: ChangeStore = {
      ...store.changes,
      since(fileId, announced, saved) {
        if (announced.has('b1')) calls.push(saved?.has('b1') ? 'saved' : 'all');
        return failures-- > 0
          ? Promise.reject(new Error('the store is away'))
          : store.changes.since(fileId, announced, saved);
      },
    };
    // The first flush of a file is made at once, the others when the test says so.
    const gateway = gatewayOn({ store: { ...store, changes }, feed }, 60_000);
    await gateway.register({ fileId: 'f1', batches: ['b1'] });
    const flushed = async () => {
      await gateway.flusher.flushNow('f1');
      return calls.splice(0);
    };
    const take = (count: number) => gateway.take({ batchId: 'b1', emails: addresses(count) });
    const fail = (times: number) => {
      failures = times;
    };
    return { ...gateway, take, flushed, fail };
  }

  it('for no more than the updates that this gateway has saved', async () => {
    const { take, flushed, fail } = await asked();
    await take(1);
    expect(await flushed()).toEqual(['saved']);
    await take(2);
    await take(3);
    expect(await flushed()).toEqual(['saved']);
    fail(1);
    await take(4);
    expect([...(await flushed()), ...(await flushed())]).toEqual(['saved', 'all']);
    await take(5);
    expect(await flushed()).toEqual(['saved']);
  });

  it('for all changes of a batch that something else has changed as well', async () => {
    const { take, flushed, flusher, pipeline } = await asked();
    await take(1);
    flusher.markChanged('f1', ['b1']);
    expect(await flushed()).toEqual(['all']);
    flusher.markChanged('f1', ['b1']);
    await take(2);
    expect(await flushed()).toEqual(['all']);
    await take(3);
    await pipeline.fail('f1', 'b1', 'gave up');
    expect(await flushed()).toEqual(['all']);
  });
});

describe('a read', () => {
  it('flushes what is marked, except for what the feed knows to be announced', async () => {
    const { store, feed } = await engine();
    const { register, take, flusher } = gatewayOn({ store, feed }, 0);
    await register({ fileId: 'f1', batches: ['b1', 'b2'] });
    for (const batchId of ['b1', 'b2']) await take({ batchId, emails: addresses(2) });
    await flusher.flushNow('f1');
    const { state, batches } = (await feed.head('f1', ['b1', 'b2'])) ?? {};
    const version = (batchId: string) => batches?.get(batchId)?.version ?? 0;
    const marked: (readonly string[])[] = [];
    const readWith = async (pending: PendingChanges | null) => {
      const flushing = {
        flushNow: async () => undefined,
        markChanged: (_: string, batchIds: readonly string[]) => void marked.push(batchIds),
      };
      const outbox = { pending: async () => pending };
      const found = await new Announcer(
        flushing,
        outbox,
        store.files,
        feed,
        new ChangeGate(),
      ).announceExisting('f1');
      return [found !== null, ...marked.splice(0)];
    };
    const owner = { generation: state?.generation ?? '', userId: null };
    const marks = new Map([
      ['b1', version('b1')],
      ['b2', version('b2') + 1],
      ['b3', 1],
    ]);
    expect(await readWith({ ...owner, ofFile: false, batches: marks })).toEqual([true, ['b2', 'b3']]);
    const announced = new Map([['b1', version('b1')]]);
    expect(await readWith({ ...owner, ofFile: false, batches: announced })).toEqual([true]);
    expect(await readWith({ ...owner, ofFile: true, batches: announced })).toEqual([true, []]);
    expect(await readWith({ ...owner, generation: 'next', ofFile: false, batches: announced })).toEqual([
      true,
      ['b1'],
    ]);
    expect(await readWith({ ...owner, ofFile: false, batches: new Map() })).toEqual([true]);
    expect(await readWith(null)).toEqual([false]);
  });
});

describe('the file of a batch', () => {
  it('is known without asking the store where the batch was registered here', async () => {
    const { store, feed } = await engine();
    const { register, take } = gatewayOn({
      store: { ...store, updates: flaky(store.updates, { fileOfBatch: Infinity }) },
      feed,
    });
    await register({ fileId: 'f1', batches: ['b1'] });
    expect(await take({ batchId: 'b1', emails: addresses(3) })).toBe('applied');
    await expect(take({ batchId: 'b2', emails: addresses(3) })).rejects.toThrow('fileOfBatch');
  });
});
