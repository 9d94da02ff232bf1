import { expect, it } from '@jest/globals';
import { expectConsistent, fill, listsOf, pageOf, register, type Stores, save } from './harness.js';

/** Ids that somebody could take for one another, or for something that is no id. */
export const HOSTILE_IDS = [
  'f',
  'f1',
  'f11',
  'F1',
  'f1 ',
  ' f1',
  'f1:',
  'f1%',
  'f_',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  '0',
  '1e3',
  '01',
  "'",
  '"',
  '\\',
  '`',
  '--',
  '/',
  '..',
  '$where',
  'a.b.c',
  '*',
  '{f1}',
  '[f1]',
  '\u00e9',
  'e\u0301',
  '\u212b',
  '\u00c5',
  '😀',
  '\u{10ffff}',
  '\u200b',
  '\u202ef1',
  'x'.repeat(255),
  'x'.repeat(256),
  'é'.repeat(256),
  '😀'.repeat(128),
];

export function naming({ own }: Stores): void {
  it('takes every id for itself: as file, batch, request and user', async () => {
    const { store } = await own();
    for (const id of HOSTILE_IDS) {
      const facts = await register(store, { fileId: id, requestId: id, userId: id, batches: [id] });
      expect(facts).toMatchObject({
        outcome: 'created',
        facts: { fileId: id, requestId: id, userId: id },
        touched: [id],
      });
    }
    await Promise.all(HOSTILE_IDS.map((id) => save(store, { batchId: id, emails: [`${id}@example.com`] })));
    for (const id of HOSTILE_IDS) {
      expect(await store.updates.fileOfBatch(id)).toBe(id);
      expect(Object.entries(await listsOf(store, id))).toEqual([[id, [`${id}@example.com`]]]);
      const news = await store.changes.since(
        id,
        new Map([[id, { version: 0, summary: (await store.files.batches(id))[0]?.summary as never }]]),
      );
      expect(news?.batches.map(({ batchId }) => batchId)).toEqual([id]);
    }
    const files = await store.files.list({ limit: 500, after: null });
    expect(files.map(({ facts }) => facts.fileId).sort()).toEqual([...HOSTILE_IDS].sort());
    expect((await store.changes.unannounced()).map(({ fileId }) => fileId).sort()).toEqual(
      [...HOSTILE_IDS].sort(),
    );

    const [gone, kept] = [HOSTILE_IDS.filter((_, i) => i % 2), HOSTILE_IDS.filter((_, i) => i % 2 === 0)];
    for (const id of gone) expect(await store.files.remove(id)).toBe(true);
    for (const id of gone) expect(await store.files.find(id)).toBeNull();
    for (const id of kept) await expectConsistent(store, id);
  });

  it('keeps hostile batches of one file apart', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map(HOSTILE_IDS.map((id) => [id, [`${id}@example.com`]])));
    expect((await store.files.batches('f1')).map(({ batchId }) => batchId)).toEqual(HOSTILE_IDS);
    const { results } = await pageOf(store, { fileId: 'f1', page: 1, limit: 500 });
    expect(results.map(({ batchId }) => batchId)).toEqual(HOSTILE_IDS);
    await expectConsistent(store, 'f1');
  });
}
