import { expect, it } from '@jest/globals';
import type { Store } from '../../../src/store/store.js';
import { addresses } from '../../support/updates.js';
import { announce, fill, register, type Stores, save } from './harness.js';
import { purgeAll, SOON } from './purging.js';

const RANKINGS = { domain: '{"items":["a domain"]}', provider: '{"items":["a provider"]}' };

/** Keeps rankings of the file as it is; answers with how that is repeated later. */
async function keepNow(store: Store, fileId: string, rankings = RANKINGS): Promise<() => Promise<void>> {
  const changes = await store.changes.since(fileId, new Map());
  if (changes === null) throw new Error('there is no such file');
  const keep = () => store.breakdowns.keep(fileId, changes.facts.generation, changes.changes, rankings);
  await keep();
  return keep;
}

const found = async (store: Store, fileId: string) =>
  Promise.all([store.breakdowns.find(fileId, 'domain'), store.breakdowns.find(fileId, 'provider')]);
const NOTHING = [null, null];

export function keepingBreakdowns({ shared, own }: Stores): void {
  it('keeps what was counted, with the changes that the file had then', async () => {
    const { store, f1, f2, b1, b2 } = shared();
    await fill(store, f1, new Map([[b1, addresses(3)]]));
    await fill(store, f2, new Map([[b2, addresses(3)]]));
    expect(await found(store, f1)).toEqual(NOTHING);
    await keepNow(store, f1);
    const { changes } = (await store.changes.since(f1, new Map())) ?? {};
    expect(await found(store, f1)).toEqual([
      { changes, ranking: RANKINGS.domain },
      { changes, ranking: RANKINGS.provider },
    ]);
    expect(await found(store, f2)).toEqual(NOTHING);
    expect(await found(store, 'no such file')).toEqual(NOTHING);
  });

  it('tells by the changes that the file is another one now, and takes what is counted anew', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    await save(store, { batchId: b1, emails: addresses(3) });
    await keepNow(store, f1);
    await save(store, { batchId: b1, emails: addresses(4), isComplete: true });
    const after = await store.changes.since(f1, new Map());
    expect((await store.breakdowns.find(f1, 'domain'))?.changes).toBeLessThan(after?.changes ?? 0);
    await keepNow(store, f1, { domain: '{"items":[]}', provider: '{}' });
    expect(await found(store, f1)).toEqual([
      { changes: after?.changes, ranking: '{"items":[]}' },
      { changes: after?.changes, ranking: '{}' },
    ]);
  });

  it('ends with the generation, also where it comes late', async () => {
    const { store, f1, b1, b2 } = shared();
    await fill(store, f1, new Map([[b1, addresses(3)]]));
    const late = await keepNow(store, f1);
    await fill(store, f1, new Map([[b2, addresses(3)]]), 'r2');
    expect(await found(store, f1)).toEqual(NOTHING);
    await late();
    expect(await found(store, f1)).toEqual(NOTHING);
    const later = await keepNow(store, f1);
    expect(await found(store, f1)).not.toEqual(NOTHING);
    await store.files.remove(f1);
    await later();
    expect(await found(store, f1)).toEqual(NOTHING);
    await fill(store, f1, new Map([[b1, addresses(3)]]), 'r3');
    expect(await found(store, f1)).toEqual(NOTHING);
  });

  it('goes with the addresses, while scores and attributes stay', async () => {
    const { store, f1, b1 } = await own();
    await fill(store, f1, new Map([[b1, addresses(3)]]));
    const late = await keepNow(store, f1);
    await announce(store, f1);
    expect(await purgeAll(store, SOON())).toEqual([f1]);
    await late();
    expect(await found(store, f1)).toEqual(NOTHING);
    const { purged } = (await store.files.find(f1)) ?? {};
    // By the numbers of facets.ts: the last score step, and results without an attribute.
    expect(purged?.facets).toEqual({ 9: 3, 17: 3 });
  });
}
