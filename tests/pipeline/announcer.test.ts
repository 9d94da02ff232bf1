import { expect, it } from '@jest/globals';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import { addresses } from '../support/updates.js';
import { counted } from './counted-store.js';
import { engine, gatewayOn } from './stage.js';

it('a thousand listeners who come to a quiet file of the embedded engine cost the store what one of them costs', async () => {
  const { register, take, flusher, store: inner, feed } = gatewayOn(await engine());
  await register({ fileId: 'f1', batches: ['b1'] });
  await take({ batchId: 'b1', emails: addresses(3), isComplete: true });
  const { store, calls } = counted(inner);
  const announcer = new Announcer(flusher, null, store.files, feed, new ChangeGate());
  const snapshots = new Snapshots(store, feed, announcer, 2 ** 24);
  const listen = () =>
    snapshots.subscribed({
      fileId: 'f1',
      feeds: ['stats', 'emails'],
      since: null,
      caller: '',
      checkAccess: async () => null,
      isWanted: () => true,
    });

  const first = (await listen()).parsed();
  expect(first).toMatchObject({
    stats: { progress: { processed: 3 } },
    emails: { pagination: { total: 3 } },
  });
  const afterOne = calls.length;
  expect(afterOne).toBeGreaterThan(0);
  for (let n = 0; n < 999; n++) await listen();
  expect(calls).toHaveLength(afterOne);
});
