import { expect } from '@jest/globals';
import { MongoStore } from '../../src/store/mongo-store.js';
import { withDatabase } from '../support/mongo-server.js';
import { onTeardown } from '../support/teardown.js';

export const LIMITS = {
  heldTtlMs: 24 * 3_600_000,
  maxHeldBytes: 64 * 2 ** 20,
  deadLetterTtlMs: 3_600_000,
  maxDeadLetterBytes: 2 ** 26,
};

/** A gateway's store on a database; several of them may share one. */
export function openStore(uri: string): MongoStore {
  const store = MongoStore.open({ uri, ...LIMITS });
  onTeardown(() => store.close());
  return store;
}

/** Everything in the database as one text, for whoever looks for what must not be there. */
export const dump = (uri: string): Promise<string> =>
  withDatabase(uri, async (database) => {
    const texts: string[] = [];
    for (const { name } of await database.listCollections().toArray()) {
      texts.push(JSON.stringify(await database.collection(name).find().toArray()));
    }
    return texts.join('\n');
  });

/** The order of the items, mixed up the same way each time. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed + 1;
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = state % (last + 1);
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

/** How many of the settled calls were refused, which must all be for the given reason. */
export function refusals(outcomes: readonly PromiseSettledResult<unknown>[], reason: object): number {
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  for (const outcome of refused) expect(outcome.reason).toMatchObject(reason);
  return refused.length;
}

/** What `ChangeStore.pending` answers of a file that is announced. */
export const NOTHING_PENDING = { ofFile: false, batches: new Map() };
