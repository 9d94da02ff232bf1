/** What results of megabytes may cost the readers of other files: memory for first pages, and turns of the event loop. */
import { expect, it } from '@jest/globals';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import { counted } from '../pipeline/counted-store.js';
import { engine, gatewayOn } from '../pipeline/stage.js';
import { Turns } from '../support/turns.js';
import { type Entry, entry } from '../support/updates.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Snapshots of a gateway that has one file, `f1`, with these results. */
async function snapshotsOf(emails: readonly Entry[]) {
  const { register, take, flusher, store: inner, feed } = gatewayOn(await engine());
  await register({ fileId: 'f1', batches: ['b1'] });
  await take({ batchId: 'b1', emails, isComplete: true });
  const { store, calls } = counted(inner);
  const announcer = new Announcer(flusher, null, store.files, feed, new ChangeGate());
  return { snapshots: new Snapshots(store, feed, announcer, 8 * MIB), calls };
}

it.each([
  ['of ordinary size is kept for further listeners', 1 * KIB, 1],
  ['of one result that is larger than a first page may be is not kept', 600 * KIB, 3],
])('a first page %s', async (_, chars, reads) => {
  const { snapshots, calls } = await snapshotsOf([entry('a@example.com', { reason: 'x'.repeat(chars) })]);
  for (let n = 0; n < 3; n++) expect((await snapshots.snapshot('f1'))?.emails.length).toBeGreaterThan(chars);
  expect(calls.filter((call) => call === 'results.page')).toHaveLength(reads);
});

it('large pages that are asked for at once are put together one in a turn of the event loop', async () => {
  const { snapshots } = await snapshotsOf([entry('a@example.com', { reason: 'x'.repeat(600 * KIB) })]);
  const passed = new Turns();
  const turns = await Promise.all(
    Array.from({ length: 8 }, () =>
      snapshots.page({ fileId: 'f1', page: 1, limit: 50 }).then(() => passed.count),
    ),
  );
  passed.stop();
  expect(new Set(turns).size).toBe(turns.length);
});
