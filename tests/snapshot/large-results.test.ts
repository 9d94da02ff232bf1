/** What results of megabytes may cost the readers of other files: memory for first pages, and turns of the event loop. */
import { expect, it } from '@jest/globals';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import { counted } from '../pipeline/counted-store.js';
import { engine, gatewayOn } from '../pipeline/stage.js';
import { Turns } from '../support/turns.js';
import { type Entry, entry } from '../support/updates.js';
import { retry } from '../support/wait.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const subscription = { fileId: 'f1', feeds: ['stats', 'emails'] as const, since: null, caller: 'one' };

/** Snapshots of a gateway whose files, `f1` and so on, have these results. */
async function snapshotsOf(emails: readonly Entry[], files = 1) {
  const { register, take, flusher, store: inner, feed } = gatewayOn(await engine());
  for (let n = 1; n <= files; n++) {
    await register({ fileId: `f${n}`, batches: [`b${n}`] });
    await take({ batchId: `b${n}`, emails, isComplete: true });
  }
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

it('the first pages that are kept have a bound in all', async () => {
  const files = 40;
  const { snapshots, calls } = await snapshotsOf([entry('a@x', { reason: 'x'.repeat(480 * KIB) })], files);
  const readsOf = async (fileId: string) => {
    const before = calls.length;
    await snapshots.snapshot(fileId);
    return calls.slice(before).filter((call) => call === 'results.page').length;
  };
  for (let n = 1; n <= files; n++) expect(await readsOf(`f${n}`)).toBe(1);
  expect([await readsOf(`f${files}`), await readsOf('f1')]).toEqual([0, 1]);
});

it('large pages that are asked for at once are put together in several turns of the event loop', async () => {
  const { snapshots } = await snapshotsOf([entry('a@example.com', { reason: 'x'.repeat(3 * MIB) })]);
  const passed = new Turns();
  const turns = await Promise.all(
    [
      ...Array.from({ length: 4 }, () => snapshots.page({ fileId: 'f1', page: 1, limit: 50 })),
      ...Array.from({ length: 4 }, () => snapshots.subscribed(subscription)),
    ].map((answer) => answer.then(() => passed.count)),
  );
  passed.stop();
  expect(new Set(turns).size).toBe(turns.length);
});

it('a few histories are read at once, of one caller fewer', async () => {
  const { register, take, flusher, store, feed } = gatewayOn(await engine());
  await register({ fileId: 'f1', batches: ['b1'] });
  await take({ batchId: 'b1', emails: [entry('a@example.com')], isComplete: true });
  const announcer = new Announcer(flusher, null, store.files, feed, new ChangeGate());
  const reading: (() => void)[] = [];
  let read = 0;
  feed.since = async () => {
    read++;
    await new Promise<void>((resolve) => reading.push(resolve));
    return [];
  };
  const snapshots = new Snapshots(store, feed, announcer, 8 * MIB);
  const ask = (caller: string) =>
    snapshots.subscribed({ ...subscription, since: { epoch: 'e', revision: 0 }, caller });
  const answers = Array.from({ length: 6 }, () => ask('one'));
  await retry(async () => expect(reading).toHaveLength(2));
  answers.push(...Array.from({ length: 4 }, (_, n) => ask(`other ${n}`)));
  await retry(async () => expect(reading).toHaveLength(4));
  expect(read).toBe(4);
  const all = Promise.all(answers);
  while (read < 10 || reading.length > 0) {
    expect(reading.length).toBeLessThanOrEqual(4);
    reading.shift()?.();
    await new Promise(setImmediate);
  }
  expect((await all).map((answer) => answer.parsed().recovered)).toEqual(Array(10).fill(true));
});
