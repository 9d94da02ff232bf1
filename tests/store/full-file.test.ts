import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { MAX_BATCHES_OF_FILE } from '../../src/store/registration-rules.js';
import { databasePath } from '../../src/store/sqlite/data-directory.js';
import { Database } from '../../src/store/sqlite/database.js';
import type { Store } from '../../src/store/store.js';
import { listsOf, register, registration, save } from '../contracts/store/harness.js';
import { type Databases, describeWithMongo, openMongo, withDatabase } from '../support/mongo-server.js';
import { temporaryDirectory } from '../support/teardown.js';
import { openStore as openDirectory } from './directory.js';
import { openStore as openDatabase } from './mongo-harness.js';

const TOO_MANY = {
  name: 'InvalidInput',
  errors: [{ field: 'batches', message: `are too many: a file may have ${MAX_BATCHES_OF_FILE}` }],
};

/** `claim` has the store take the only file for one that has so many batches. */
async function expectLimit(store: Store, claim: (count: number) => Promise<void>): Promise<void> {
  await register(store, { fileId: 'f1', batches: ['b1'] });
  await claim(MAX_BATCHES_OF_FILE - 1);
  await expect(register(store, { fileId: 'f1', batches: ['b2', 'b3'] })).rejects.toMatchObject(TOO_MANY);
  await register(store, { fileId: 'f1', batches: ['b1', 'b2'] });
  await expect(register(store, { fileId: 'f1', batches: ['b3'] })).rejects.toMatchObject(TOO_MANY);
  await expect(save(store, { batchId: 'b3', fileId: 'f1', emails: ['a'] })).rejects.toMatchObject(TOO_MANY);
  // What it has goes on.
  await store.updates.register(registration({ fileId: 'f1', batches: ['b1'] }), VALIDATOR);
  await save(store, { batchId: 'b2', fileId: 'f1', emails: ['a'] });
  expect(await listsOf(store, 'f1')).toMatchObject({ b2: ['a'] });
  // The next request begins with none.
  await register(store, { fileId: 'f1', requestId: 'r2', batches: ['b3'] });
}

describe('a file that has as many batches as it may have', () => {
  it('takes no more in SQLite', async () => {
    const directory = temporaryDirectory();
    await expectLimit(await openDirectory(directory), async (count) => {
      const database = new Database(databasePath(directory));
      // The store writes in the background.
      database.all('PRAGMA busy_timeout = 10000');
      database.run('UPDATE generations SET batches = ?', count);
      database.close();
    });
  });
});

describeWithMongo('a file that has as many batches as it may have', () => {
  let mongo: Databases;
  beforeAll(async () => {
    mongo = await openMongo();
  });
  afterAll(() => mongo?.stop());

  it('takes no more in MongoDB', async () => {
    const uri = mongo.newUri();
    await expectLimit(openDatabase(uri), (count) =>
      withDatabase(uri, async (database) => {
        await database.collection('emailbatches').updateOne({ fileId: 'f1' }, { $set: { next: count } });
      }),
    );
  });
});
