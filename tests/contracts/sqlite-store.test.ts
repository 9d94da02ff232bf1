import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { describeStore } from './store-contract.js';

describeStore('SqliteStore', async (limits) => {
  const directory = mkdtempSync(join(tmpdir(), 'verigate-test-'));
  const store = await SqliteStore.open({ directory, ...limits });
  return {
    store,
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
