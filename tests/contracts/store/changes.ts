import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { JsonText } from '../../../src/domain/json-text.js';
import { statsOf } from '../../../src/domain/stats.js';
import { EMPTY_SUMMARY } from '../../../src/domain/summary.js';
import { CHANGES_BYTES } from '../../../src/store/bounded-results.js';
import { effort } from '../../support/effort.js';
import { addresses, emailsOf, entry } from '../../support/updates.js';
import { announce as announceAll, fill, keptStats, listsOf, register, type Stores, save } from './harness.js';
import { Listener } from './listener.js';

const NEVER = { version: 0, summary: EMPTY_SUMMARY };

export function changes({ shared, own }: Stores): void {
  it('has only the tail where a list has grown', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listener = new Listener(store, f1);
    const all = addresses(700);
    for (let count = 100; count <= all.length; count += 150) {
      await save(store, { batchId: b1, emails: all.slice(0, count) });
      const [change] = await listener.catchUp([b1]);
      expect(change?.results).toHaveLength(count === 100 ? 100 : 150);
      expect(change?.truncated).toBeNull();
    }
  });

  it('has what was saved, also where it is asked for no more than that', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, batches: [b1, b2] });
    const listener = new Listener(store, f1);
    const saved = new Set([b1, b2]);
    for (const count of [2, 5, 5, 9]) {
      for (const batchId of saved) await save(store, { batchId, emails: addresses(count) });
      await listener.catchUp([b1, b2], saved);
      expect([b1, b2].map((batchId) => listener.list(batchId).length)).toEqual([count, count]);
    }
    // Another list, and a change that is no update.
    await save(store, { batchId: b1, emails: addresses(4), isComplete: true });
    await store.updates.fail(f1, b2, 'gave up');
    await listener.catchUp([b1], saved);
    const [failed] = await listener.catchUp([b2]);
    expect(listener.list(b1)).toHaveLength(4);
    expect(failed?.summary).toMatchObject({ failed: 1 });
    await save(store, { batchId: b2, emails: addresses(12) });
    await store.files.remove(f1);
    expect(await store.changes.since(f1, new Map([[b2, NEVER]]), saved)).toBeNull();
  });

  it('has the changes of as many batches as fit, and leaves the others for another call', async () => {
    const { store, f1 } = shared();
    const batchIds = ['l1', 'l2', 'l3'].map((name) => `${f1}-${name}`);
    await register(store, { fileId: f1, batches: batchIds });
    for (const batchId of batchIds) {
      const emails = [entry('a@x.org', { reason: 'x'.repeat(CHANGES_BYTES / 2 + 1) })];
      await save(store, { batchId, emails, isComplete: true });
    }
    const asked = new Map(batchIds.map((batchId) => [batchId, NEVER]));
    const first = await store.changes.since(f1, asked);
    expect(first?.batches.map(({ batchId }) => batchId)).toEqual(batchIds.slice(0, 2));
    expect(first?.left).toEqual(batchIds.slice(2));
    const rest = await store.changes.since(f1, new Map((first?.left ?? []).map((id) => [id, NEVER])));
    expect(rest?.batches.map(({ batchId }) => batchId)).toEqual(first?.left);
    expect(rest?.left).toEqual([]);
  });

  it('has the positions after a hole in the middle, and no others', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listener = new Listener(store, f1);
    await save(store, { batchId: b1, emails: ['a', 'b', 'c', 'd'] });
    await listener.catchUp([b1]);
    await save(store, { batchId: b1, emails: ['a', 'b', 'd', 'e', 'f'], isComplete: true });
    const [change] = await listener.catchUp([b1]);
    expect(change?.results.map(({ position }) => position)).toEqual([2, 3, 4]);
    expect(emailsOf(change?.results ?? [])).toEqual(['d', 'e', 'f']);
  });

  it('says how short a list has become', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listener = new Listener(store, f1);
    await save(store, { batchId: b1, emails: addresses(10) });
    await listener.catchUp([b1]);
    await save(store, { batchId: b1, emails: addresses(4), isComplete: true });
    const [change] = await listener.catchUp([b1]);
    expect(change).toMatchObject({ truncated: { batchId: b1, length: 4 }, results: [] });
    await save(store, { batchId: b1, emails: [], isComplete: true, processedCount: 5 });
    expect((await listener.catchUp([b1]))[0]?.truncated).toEqual({ batchId: b1, length: 0 });
  });

  it('says how short a list is whose longer state was never announced', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listener = new Listener(store, f1);
    await save(store, { batchId: b1, emails: addresses(3) });
    await listener.catchUp([b1]);
    // A page that is read now has six results, which were not announced.
    await save(store, { batchId: b1, emails: addresses(6) });
    await save(store, { batchId: b1, emails: addresses(5, 'again'), isComplete: true });
    const [change] = await listener.catchUp([b1]);
    expect(change?.truncated).toEqual({ batchId: b1, length: 5 });
    await save(store, { batchId: b1, emails: addresses(7, 'again'), isComplete: true, processedCount: 8 });
    expect((await listener.catchUp([b1]))[0]?.truncated).toBeNull();
    expect(listener.list(b1)).toHaveLength(7);
  });

  it('catches up a listener that is any number of rewrites behind', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listeners: Listener[] = [];
    const rewrites = Array.from({ length: 14 }, (_, i) =>
      // Longer and shorter in turn, each differing from the one before in another place.
      addresses(3 + ((i * 5) % 11)).map((address, at) => (at === i % 3 ? `${i}-${address}` : address)),
    );
    for (const [index, emails] of rewrites.entries()) {
      await save(store, { batchId: b1, emails, processedCount: index });
      const listener = new Listener(store, f1);
      await listener.catchUp([b1]);
      listeners.push(listener);
    }
    for (const listener of [...listeners, new Listener(store, f1)]) {
      await listener.catchUp([b1]);
      const emails = listener.list(b1).map((json) => JSON.parse(json).email);
      expect(emails).toEqual(rewrites.at(-1));
    }
  });

  it('catches up after a rewrite of many thousand places', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listener = new Listener(store, f1);
    const size = effort(2_500, 6_000);
    await save(store, { batchId: b1, emails: addresses(size) });
    await listener.catchUp([b1]);
    for (const [run, name] of ['x', 'y', 'a'].entries()) {
      await save(store, {
        batchId: b1,
        emails: addresses(size - 1_000 - run, name),
        isComplete: true,
        processedCount: run,
      });
    }
    await listener.catchUp([b1]);
    expect(listener.list(b1).map((json) => JSON.parse(json).email)).toEqual(addresses(size - 1_002));
  });

  it('says of a file what may not be announced yet', async () => {
    const { store, f1, f2, b1, b2 } = shared();
    const isPending = async () => {
      const { ofFile, batches } = (await store.changes.pending(f1)) ?? {};
      return ofFile === true || (batches?.size ?? 0) > 0;
    };
    const isListedAsPending = async () =>
      (await store.files.list({ limit: 500, after: null })).find(({ facts }) => facts.fileId === f1)
        ?.isPending;
    expect(await store.changes.pending(f1)).toBeNull();
    await register(store, { fileId: f1, batches: [b1, b2] });
    await register(store, { fileId: f2, batches: [] });
    expect(await isPending()).toBe(true);
    const listener = new Listener(store, f1);
    const announce = async () => {
      await listener.catchUp([b1, b2]);
      const changes = await store.changes.since(f1, new Map());
      const states = await store.files.batches(f1);
      const batches = new Map(states.map(({ batchId, version }) => [batchId, version]));
      const generation = changes?.facts.generation ?? '';
      await store.changes.markAnnounced(
        f1,
        generation,
        { changes: changes?.changes ?? null, batches },
        keptStats('{}'),
      );
    };
    await announce();
    expect([await isPending(), await isListedAsPending()]).toEqual([false, false]);
    await save(store, { batchId: b2, emails: ['a'] });
    // A store for one gateway does not say which batches: that gateway knows.
    const { ofFile, batches } = (await store.changes.pending(f1)) ?? {};
    const [, state] = await store.files.batches(f1);
    const named = { ofFile: false, batches: new Map([[b2, state?.version]]) };
    expect([{ ofFile: true, batches: new Map() }, named]).toContainEqual({ ofFile, batches });
    expect(await isListedAsPending()).toBe(true);
    await announce();
    expect([await isPending(), await isListedAsPending()]).toEqual([false, false]);
    // Marks may stay for a moment. The next change is none of those that they stand for.
    await save(store, { batchId: b2, emails: ['a', 'b'] });
    const unannounced = async () => (await store.changes.unannounced()).map(({ fileId }) => fileId);
    for (let sweep = 0; sweep < 2; sweep++) {
      expect(await unannounced()).toContain(f1);
      expect([await isPending(), await isListedAsPending()]).toEqual([true, true]);
    }
    await announce();
    expect(await unannounced()).not.toContain(f1);
    await store.files.remove(f1);
    expect(await store.changes.pending(f1)).toBeNull();
  });

  it('lists a file as pending, or with all that was saved, while another gateway announces it', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listed = async () =>
      (await store.files.list({ limit: 500, after: null })).find(({ facts }) => facts.fileId === f1);
    for (let count = 1; count <= effort(12, 60); count++) {
      await save(store, { batchId: b1, emails: addresses(count) });
      let isAnnounced = false;
      const readOn = async () => {
        while (!isAnnounced) {
          const file = await listed();
          const shown = file?.isPending || JSON.parse(file?.stats ?? '').progress.processed;
          expect([true, count]).toContain(shown);
        }
      };
      const announcing = announceAll(store, f1).finally(() => {
        isAnnounced = true;
      });
      await Promise.all([announcing, readOn(), readOn(), readOn()]);
    }
  });

  it('says when a file has changed last', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, batches: [b1, b2] });
    await announceAll(store, f1);
    const registered = (await store.files.find(f1))?.lastUpdated ?? '';
    while (new Date().toISOString() <= registered) await nextTurn();
    await save(store, { batchId: b2, emails: ['a'] });
    const changes = await store.changes.since(f1, new Map([[b2, NEVER]]));
    if (changes === null) throw new Error('there is no such file');
    const { facts, batches } = changes;
    const changedAt = facts.lastUpdated;
    expect(changedAt > registered).toBe(true);
    const cursor = { epoch: 'another one', revision: 1 };
    await store.changes.markAnnounced(
      f1,
      facts.generation,
      {
        changes: changes.changes,
        batches: new Map(batches.map(({ batchId, version }) => [batchId, version])),
      },
      JsonText.of(statsOf({ fileId: f1, facts, totals: EMPTY_SUMMARY, cursor, recentRate: 0 })),
    );
    expect((await store.files.find(f1))?.lastUpdated).toBe(changedAt);
  });

  it('has a batch that changed without results', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const listener = new Listener(store, f1);
    await save(store, { batchId: b1, emails: ['a'], totalEmails: 2 });
    await listener.catchUp([b1]);
    await save(store, { batchId: b1, emails: ['a'], totalEmails: 2, isComplete: true });
    const [change] = await listener.catchUp([b1]);
    expect(change).toMatchObject({ results: [], truncated: null, summary: { completed: 1, skipped: 1 } });
  });

  it('answers for the named batches of the current request only', async () => {
    const { store, f1, f2, b1, b2, b3, c1 } = shared();
    await fill(
      store,
      f1,
      new Map([
        [b1, ['a']],
        [b2, ['b']],
      ]),
      'r1',
    );
    await fill(store, f2, new Map([[c1, ['c']]]), 'r1');
    const ask = async (...ids: string[]) =>
      (await store.changes.since(f1, new Map(ids.map((id) => [id, NEVER]))))?.batches.map(
        ({ batchId }) => batchId,
      );
    expect(await ask(b2)).toEqual([b2]);
    expect(await ask(c1, 'unknown', b1)).toEqual([b1]);
    expect(await ask()).toEqual([]);
    await fill(store, f1, new Map([[b3, ['d']]]), 'r2');
    expect(await ask(b1, b2, b3)).toEqual([b3]);
  });

  it('is null for a file that is unknown or deleted', async () => {
    const { store, f1, b1 } = shared();
    expect(await store.changes.since(f1, new Map([[b1, NEVER]]))).toBeNull();
    await fill(store, f1, new Map([[b1, ['a']]]));
    expect(await store.changes.since(f1, new Map([[b1, NEVER]]))).not.toBeNull();
    await store.files.remove(f1);
    expect(await store.changes.since(f1, new Map([[b1, NEVER]]))).toBeNull();
    expect(await listsOf(store, f1)).toEqual({});
  });

  it('counts every change of the file', async () => {
    const { store, f1, b1, b2, b3 } = await own();
    const changes = async () => (await store.changes.since(f1, new Map()))?.changes ?? 0;
    await register(store, { fileId: f1, batches: [b1, b2] });
    let before = await changes();
    const grows = async (change: () => Promise<unknown>) => {
      await change();
      const now = await changes();
      expect(now).toBeGreaterThan(before);
      before = now;
    };
    await grows(() => save(store, { batchId: b1, emails: ['a'] }));
    await grows(() => store.updates.fail(f1, b2, 'gave up'));
    await grows(() => store.updates.markStalled({ begunBefore: Date.now() + 60_000, queuedBefore: 0 }));
    await grows(() => register(store, { fileId: f1, totalEmails: 100 }));
    await grows(() => register(store, { fileId: f1, batches: [b3] }));
  });
}
