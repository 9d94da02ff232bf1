import type { DeadLetter } from '../../../src/store/dead-letters.js';
import type { Store } from '../../../src/store/store.js';

export const put = (store: Store, payload: string, inlet = 'pubsub') =>
  store.deadLetters.add({ inlet, reason: 'it is not JSON', payload });

export const listed = (store: Store, query: Partial<Parameters<Store['deadLetters']['list']>[0]> = {}) =>
  store.deadLetters.list({ limit: 500, after: null, payloadBytes: 65_536, ...query });

export const payloads = async (store: Store) => (await listed(store)).map(({ payload }) => payload);

export async function only(store: Store): Promise<DeadLetter> {
  const [letter, ...others] = await listed(store);
  if (letter === undefined || others.length > 0) throw new Error('there is not just one letter');
  return letter;
}
