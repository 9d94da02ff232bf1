/** Compares two SQLite stores, one with a small file and one with a large file. */

import { VALIDATOR } from '../../src/domain/ownership.js';
import { readUpdate } from '../../src/domain/read-update.js';
import type { SqliteStore } from '../../src/store/sqlite-store.js';
import { BATCH, type Dataset, FILE, openStore } from '../support/dataset.js';
import { type Figure, inTurns, ratios } from '../support/figures.js';
import { updateText } from '../support/updates.js';
import { ownCpu } from '../support/usage.js';
import { LARGE, ROUNDS, SMALL, STEP } from './sizes.js';

const PAGES = 200;
const FRESH_BATCHES = 40;

type Action = (store: SqliteStore, size: number, block: string) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  'a page in the middle (store)': async (store, size) => {
    for (let n = 0; n < PAGES; n++)
      await store.results.page({ fileId: FILE, limit: 50, page: Math.ceil(size / 50 / 2) });
  },
  [`a new batch of ${BATCH} (store)`]: async (store, _, block) => {
    for (let n = 0; n < FRESH_BATCHES; n++)
      await store.updates.save(update(`${block}-${n}`, BATCH), VALIDATOR);
  },
  [`${STEP} more results of a batch (store)`]: async (store, _, block) => {
    for (let count = STEP; count <= BATCH; count += STEP)
      await store.updates.save(update(block, count), VALIDATOR);
  },
};

/** Parsed beforehand, so that parsing is not measured. */
const update = (batchId: string, count: number) =>
  readUpdate(JSON.parse(updateText({ batchId, fileId: FILE, first: 0, total: BATCH }, count)));

/** Both stores run in this process. */
export async function ofStores(small: Dataset, large: Dataset): Promise<Figure[]> {
  const stores = { small: await openStore(small.directory), large: await openStore(large.directory) };
  try {
    const figures: Figure[] = [];
    for (const [what, action] of Object.entries(ACTIONS)) {
      const measure = (store: SqliteStore, size: number) => async (round: number) => {
        if (round === 0) await action(store, size, `${what}-warm`);
        return ownCpu(() => action(store, size, `${what}-${round}`));
      };
      const cpu = await inTurns(ROUNDS, {
        small: measure(stores.small, SMALL),
        large: measure(stores.large, LARGE),
      });
      figures.push({ what, unit: '×', values: ratios(cpu.large, cpu.small) });
    }
    return figures;
  } finally {
    await Promise.all([stores.small.close(), stores.large.close()]);
  }
}
