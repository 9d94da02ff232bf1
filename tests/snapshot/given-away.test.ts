/** A file that has got another owner in the store, while its feed is still that of the earlier one. */
import { expect, it } from '@jest/globals';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { GivenAway, Snapshots } from '../../src/snapshot/snapshots.js';
import { registration } from '../contracts/store/harness.js';
import { engine, gatewayOn } from '../pipeline/stage.js';
import { OPERATOR } from '../support/operator.js';
import { addresses } from '../support/updates.js';

/** Bob's file with results, whose first page has been read, and which then begins anew: its feed does not know yet. */
async function fileThatBeginsAnewFor(userId: string) {
  const { register, take, flusher, store, feed } = gatewayOn(await engine());
  await register({ fileId: 'f', requestId: 'first', userId: 'bob', batches: ['b'] });
  await take({ batchId: 'b', emails: addresses(3), isComplete: true });
  const snapshots = new Snapshots(
    store,
    feed,
    new Announcer(flusher, null, store.files, feed, new ChangeGate()),
    2 ** 24,
  );
  const reader = { caller: '', isWanted: () => true };
  const subscribed = (since: { epoch: string; revision: number } | null = null) =>
    snapshots.subscribed({
      ...reader,
      fileId: 'f',
      feeds: ['stats', 'emails'],
      since,
      checkAccess: () => store.files.find('f'),
    });
  expect((await snapshots.snapshot('f', reader))?.emails).toContain(addresses(1)[0]);
  const { epoch, revision } = (await subscribed()).parsed();
  await store.updates.register(
    registration({ fileId: 'f', requestId: 'second', userId, batches: ['c'] }),
    OPERATOR,
  );
  return {
    snapshot: () => snapshots.snapshot('f', reader),
    stats: () => snapshots.stats('f'),
    subscribed: () => subscribed(),
    recovered: () => subscribed({ epoch, revision }),
    caughtUp: () => subscribed({ epoch, revision: 0 }),
    announce: () => {
      flusher.markChanged('f', []);
      return flusher.flushNow('f');
    },
  };
}

it.each(['snapshot', 'stats', 'subscribed', 'recovered', 'caughtUp'] as const)(
  'shows nothing of the earlier owner: %s',
  async (read) => {
    const { announce, ...file } = await fileThatBeginsAnewFor('ann');
    await expect(file[read]()).rejects.toThrow(GivenAway);
    await announce();
    expect(JSON.stringify(await file[read]())).not.toContain(addresses(1)[0]);
  },
);

it('shows the earlier request of the same owner until the later one is announced', async () => {
  const file = await fileThatBeginsAnewFor('bob');
  expect(JSON.parse((await file.stats()) ?? '')).toMatchObject({ progress: { processed: 3 } });
  await file.announce();
  expect(JSON.parse((await file.stats()) ?? '')).toMatchObject({ progress: { processed: 0 } });
});
