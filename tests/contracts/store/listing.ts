import { expect, it } from '@jest/globals';
import type { FileCursor, ListedBatch, ListedFile, Store } from '../../../src/store/store.js';
import { fill, keptStats, register, type Stores, save } from './harness.js';

async function listed(store: Store, limit: number) {
  const files: ListedFile[] = [];
  let after: FileCursor | null = null;
  for (;;) {
    const page = await store.files.list({ limit, after });
    expect(page.length).toBeLessThanOrEqual(limit);
    files.push(...page);
    const last = page.at(-1)?.facts;
    if (last === undefined) return files;
    after = { createdAt: last.createdAt, fileId: last.fileId };
  }
}

export function listing({ own }: Stores): void {
  it('lists what one user sees: their own and the named ones, each once, in pages of any size', async () => {
    const { store } = await own();
    const owners = ['jane', 'joe', null];
    for (let n = 0; n < 30; n++)
      await register(store, { fileId: `f${n}`, userId: owners[n % 3] ?? null, batches: [] });
    const idsOf = async (userId: string | null, fileIds: string[], limit: number) => {
      const ids: string[] = [];
      for (let after: FileCursor | null = null; ; ) {
        const page: ListedFile[] = await store.files.list({ limit, after, viewer: { userId, fileIds } });
        ids.push(...page.map(({ facts }) => facts.fileId));
        const last = page.at(-1)?.facts;
        if (last === undefined) return ids;
        after = { createdAt: last.createdAt, fileId: last.fileId };
      }
    };
    const all = (await store.files.list({ limit: 500, after: null })).map(({ facts }) => facts.fileId);
    const wanted = (...tests: ((n: number) => boolean)[]) =>
      all.filter((fileId) => tests.some((test) => test(Number(fileId.slice(1)))));
    const janes = (n: number) => n % 3 === 0;
    const isNamed = (n: number) => n === 3 || n === 4 || n === 5;
    for (const limit of [1, 4, 500]) {
      expect(await idsOf('jane', [], limit)).toEqual(wanted(janes));
      expect(await idsOf('jane', ['f3', 'f4', 'f5', 'none'], limit)).toEqual(wanted(janes, isNamed));
      expect(await idsOf('unknown', ['f3', 'f4', 'f5'], limit)).toEqual(wanted(isNamed));
      expect(await idsOf(null, [], limit)).toEqual([]);
    }
  });

  it('lists the batches of a file newest first, each once, in pages of any size', async () => {
    const { store } = await own();
    const batchIds = Array.from({ length: 25 }, (_, n) => `b${n}`);
    await register(store, { fileId: 'f', batches: batchIds });
    for (const [n, batchId] of batchIds.entries()) {
      if (n % 3 > 0) await save(store, { batchId, emails: ['jane@example.com'], isComplete: n % 3 === 1 });
      if (n % 6 === 0) await store.updates.fail('f', batchId, 'its worker died');
    }
    const all = (await store.files.batches('f')).reverse();
    for (const status of [undefined, 'running', 'completed', 'waiting', 'failed', 'stalled'] as const) {
      const wanted = all.filter((batch) => status === undefined || batch.status === status);
      for (const limit of [1, 7, 100]) {
        const pages: ListedBatch[] = [];
        for (let before: number | null = null; ; before = pages.at(-1)?.ordinal ?? null) {
          const page: ListedBatch[] = await store.files.batchPage({ fileId: 'f', limit, before, status });
          expect(page.length).toBeLessThanOrEqual(limit);
          pages.push(...page);
          if (page.length < limit) break;
        }
        expect(pages.map(({ ordinal, ...batch }) => batch)).toEqual(wanted);
      }
    }
    expect(await store.files.batchPage({ fileId: 'unknown', limit: 9, before: null })).toEqual([]);
  });

  it('lists files newest first, each once, in pages of any size', async () => {
    const { store } = await own();
    // Many at once: several are created within the same millisecond.
    const ids = Array.from({ length: 60 }, (_, i) => `f${i}`);
    await Promise.all(ids.map((fileId) => register(store, { fileId, batches: [`b of ${fileId}`] })));
    for (const limit of [1, 7, 60, 500]) {
      const files = (await listed(store, limit)).map(({ facts }) => facts);
      expect(files.map(({ fileId }) => fileId).sort()).toEqual([...ids].sort());
      const times = files.map(({ createdAt }) => createdAt);
      expect(times).toEqual([...times].sort().reverse());
    }
  });

  it('goes on after the cursor, whatever became of the file that it points at', async () => {
    const { store } = await own();
    for (const fileId of ['f1', 'f2', 'f3']) await register(store, { fileId });
    const [first, second, third] = (await listed(store, 10)).map(({ facts }) => facts);
    if (first === undefined || second === undefined) throw new Error('there are three files');
    await store.files.remove(second.fileId);
    expect((await store.files.list({ limit: 10, after: second })).map(({ facts }) => facts)).toEqual([third]);
    expect((await store.files.list({ limit: 10, after: first })).map(({ facts }) => facts)).toEqual([third]);
  });

  it('keeps the announced stats of the current generation', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map([['b1', ['a']]]));
    const { generation } = (await store.files.find('f1')) ?? { generation: '' };
    const { changes } = (await store.changes.since('f1', new Map())) ?? { changes: 0 };
    const unannounced = async () => (await store.changes.unannounced()).map(({ fileId }) => fileId);
    const none = { changes: null, batches: new Map() };
    const all = {
      changes,
      batches: new Map((await store.files.batches('f1')).map(({ batchId, version }) => [batchId, version])),
    };
    const stats = async () => (await listed(store, 10))[0]?.stats;
    expect(await stats()).toBeNull();
    expect(await unannounced()).toEqual(['f1']);
    await store.changes.markAnnounced('f1', generation, none, keptStats('{"some":1}'));
    expect(await stats()).toBe('{"some":1}');
    expect(await unannounced()).toEqual(['f1']);
    await store.changes.markAnnounced('f1', generation, all, keptStats('{"all":1}'));
    expect(await stats()).toBe('{"all":1}');
    expect(await unannounced()).toEqual([]);
    await save(store, { batchId: 'b1', emails: ['a', 'b'], isComplete: true });
    expect(await unannounced()).toEqual(['f1']);

    await register(store, { fileId: 'f1', requestId: 'r2', batches: ['b2'] });
    await store.changes.markAnnounced(
      'f1',
      generation,
      { ...all, changes: 99 },
      keptStats('{"of":"the old generation"}'),
    );
    expect(await stats()).toBeNull();
    expect(await unannounced()).toEqual(['f1']);
  });

  it('keeps stats for no other file, and for none that is gone', async () => {
    const { store } = await own();
    await register(store, { fileId: 'f1' });
    await register(store, { fileId: 'f2' });
    const { generation } = (await store.files.find('f1')) ?? { generation: '' };
    await store.files.remove('f1');
    const announced = { changes: 1, batches: new Map() };
    await store.changes.markAnnounced('f1', generation, announced, keptStats('{}'));
    await store.changes.markAnnounced('f2', 'no generation of it', announced, keptStats('{}'));
    expect((await listed(store, 10)).map(({ stats }) => stats)).toEqual([null]);
    expect((await store.changes.unannounced()).map(({ fileId }) => fileId)).toEqual(['f2']);
  });
}
