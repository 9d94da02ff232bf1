import { afterAll, beforeAll } from '@jest/globals';
import { MongoStore } from '../../src/store/mongo-store.js';
import { type Databases, describeWithMongo, openMongo } from '../support/mongo-server.js';
import { describeStore } from './store-contract.js';

describeWithMongo('MongoDB', () => {
  let mongo: Databases;
  beforeAll(async () => {
    mongo = await openMongo();
  });
  afterAll(() => mongo?.stop());

  describeStore('MongoStore', async (limits) => {
    const store = MongoStore.open({ uri: mongo.newUri(), ...limits });
    // A busy machine takes longer to create the indexes than a call waits for them.
    await store.opened;
    return { store, dispose: () => store.close() };
  });
});
