import { expect, it } from '@jest/globals';
import { VALIDATOR } from '../../../src/domain/ownership.js';
import { readUpdate } from '../../../src/domain/read-update.js';
import type { Message } from '../../support/producer.js';
import { plays, recordings, renamed } from '../../support/recordings.js';
import { reruns } from '../../support/reruns.js';
import { expectConsistent, listsOf, register, type Stores } from './harness.js';
import { Listener } from './listener.js';

export function recorded({ shared }: Stores): void {
  it.each(recordings)('becomes the same file whatever the wire does: $name', async ({ messages }) => {
    const { store, f1 } = shared();
    const files = Object.entries(plays).map(async ([name, spoil]) => {
      const prefix = `${name} of ${f1}/`;
      const sent = spoil(renamed(messages, prefix));
      const batches = [...new Set(renamed(messages, prefix).map(({ batchId }) => batchId))];
      // The first ones come before their registration.
      const early = sent.splice(0, Math.ceil(sent.length / 3));
      for (const message of early) await store.updates.save(readUpdate(message), VALIDATOR);
      await register(store, { fileId: prefix, batches });
      for (const message of sent) await store.updates.save(readUpdate(message), VALIDATOR);
      await expectConsistent(store, prefix);
      const lists = await listsOf(store, prefix);
      const states = await store.files.batches(prefix);
      return {
        lists: batches.map((batchId) => lists[batchId]),
        states: states.map(({ status, summary }) => ({ status, summary })),
      };
    });
    const [first, ...others] = await Promise.all(files);
    expect(first?.states.every(({ status }) => status === 'completed')).toBe(true);
    for (const other of others) expect(other).toEqual(first);
  });

  it.each(Object.entries(reruns))('never shows a listener what is not there: a batch %s', async (_, said) => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const [eager, lazy] = [new Listener(store, f1), new Listener(store, f1)];
    const emailsOf = (listener: Listener) =>
      listener.list(b1).map((json) => (JSON.parse(json) as { email: string }).email);
    for (const [index, message] of said.entries()) {
      await store.updates.save(readUpdate({ ...message, batchId: b1 } satisfies Message), VALIDATOR);
      await eager.catchUp([b1]);
      if (index % 2 === 1) await lazy.catchUp([b1]);
      expect(emailsOf(eager)).toEqual((await listsOf(store, f1))[b1]);
    }
    await lazy.catchUp([b1]);
    expect(emailsOf(lazy)).toEqual(emailsOf(eager));
    await expectConsistent(store, f1);
  });
}
