/** What results of megabytes may cost the readers of other files: memory for first pages, and turns of the event loop. */
import { expect, it } from '@jest/globals';
import { EMPTY_SUMMARY } from '../../src/domain/summary.js';
import type { Feed } from '../../src/feed/feed.js';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Breakdowns } from '../../src/snapshot/breakdowns.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import type { Store } from '../../src/store/store.js';
import { counted } from '../pipeline/counted-store.js';
import { engine, gatewayOn } from '../pipeline/stage.js';
import { Turns } from '../support/turns.js';
import { type Entry, entry } from '../support/updates.js';
import { retry } from '../support/wait.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const subscription = {
  fileId: 'f1',
  feeds: ['stats', 'emails'] as const,
  since: null,
  caller: 'one',
  checkAccess: async () => null,
  isWanted: () => true,
};

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
  for (let n = 0; n < 3; n++)
    expect((await snapshots.snapshot('f1', subscription))?.emails.length).toBeGreaterThan(chars);
  expect(calls.filter((call) => call === 'results.page')).toHaveLength(reads);
});

it('the first pages that are kept have a bound in all', async () => {
  const files = 40;
  const { snapshots, calls } = await snapshotsOf([entry('a@x', { reason: 'x'.repeat(480 * KIB) })], files);
  const readsOf = async (fileId: string) => {
    const before = calls.length;
    await snapshots.snapshot(fileId, subscription);
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
      ...Array.from({ length: 4 }, () => snapshots.page({ fileId: 'f1', page: 1, limit: 50 }, subscription)),
      ...Array.from({ length: 4 }, () => snapshots.subscribed(subscription)),
    ].map((answer) => answer.then(() => passed.count)),
  );
  passed.stop();
  expect(new Set(turns).size).toBe(turns.length);
});

it('pages of many files that are asked for at once are in memory a few at a time, of one caller fewer', async () => {
  const files = 80;
  const { register, take, flusher, store, feed } = gatewayOn(await engine());
  for (let n = 1; n <= files; n++) {
    await register({ fileId: `f${n}`, batches: [`b${n}`] });
    await take({
      batchId: `b${n}`,
      emails: [entry('a@x', { reason: 'x'.repeat(400 * KIB) })],
      isComplete: true,
    });
  }
  const announcer = new Announcer(flusher, null, store.files, feed, new ChangeGate());
  const read = store.results.page.bind(store.results);
  let begun = 0;
  let ended = 0;
  let most = 0;
  store.results.page = async (query) => {
    most = Math.max(most, ++begun - ended);
    const page = known.get(query.fileId) ?? (await read(query));
    known.set(query.fileId, page);
    return page;
  };
  // Nothing takes longer than putting pages together.
  const known = new Map<string, Awaited<ReturnType<typeof read>>>();
  store.changes.since = async () => null;
  const snapshots = new Snapshots(store, feed, announcer, 8 * MIB);
  const all = Array.from({ length: files }, (_, n) => `f${n + 1}`);
  const askAll = async (ask: (fileId: string) => Promise<unknown>) => {
    [begun, ended, most] = [0, 0, 0];
    await Promise.all(all.map((fileId) => ask(fileId).then(() => ended++)));
    return most;
  };
  // What has been read and is not answered yet is counted, too: a place is free a moment before its answer comes.
  const ofPage = (fileId: string, caller: string) =>
    snapshots.page({ fileId, page: 1, limit: 50 }, { ...subscription, caller });
  expect(await askAll((fileId) => ofPage(fileId, 'one'))).toBeLessThanOrEqual(2 * 4);
  expect(await askAll((fileId) => ofPage(fileId, fileId))).toBeLessThanOrEqual(2 * 8);
  expect(await askAll((fileId) => snapshots.subscribed({ ...subscription, fileId }))).toBeLessThanOrEqual(
    2 * 16,
  );
});

it.each(['page', 'snapshot', 'subscribed'] as const)(
  'what a caller who has gone waits for is not read: %s',
  async (kind) => {
    const files = 20;
    const { snapshots, calls } = await snapshotsOf([entry('a@example.com')], files);
    const reads = () => calls.filter((call) => call === 'results.page').length;
    const reader = { ...subscription, isWanted: () => reads() === 0 };
    const ask = {
      page: (fileId: string) => snapshots.page({ fileId, page: 1, limit: 50 }, reader),
      snapshot: (fileId: string) => snapshots.snapshot(fileId, reader),
      subscribed: (fileId: string) => snapshots.subscribed({ ...reader, fileId }),
    }[kind];
    const answers = await Promise.allSettled(Array.from({ length: files }, (_, n) => ask(`f${n + 1}`)));
    expect(answers.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(files - 1);
    expect(reads()).toBe(1);
  },
);

it.each(['page', 'search', 'snapshot', 'subscribed', 'history', 'breakdown'] as const)(
  'of one caller a thousand wait, a further one is refused, and one of another caller is not: %s',
  async (kind) => {
    const files = 1_100;
    const reading: (() => void)[] = [];
    const slow = () => new Promise<void>((resolve) => reading.push(resolve));
    const facts = { generation: '0', userId: null };
    const store = {
      results: {
        page: () => slow().then(() => ({ total: 0, results: [] })),
        scan: async function* () {},
      },
      changes: {
        since: () => (kind === 'breakdown' ? slow() : Promise.resolve()).then(() => ({ facts, batches: [] })),
      },
      breakdowns: { find: async () => null, keep: async () => undefined },
    } as unknown as Store;
    const state = { ...facts, stats: '{"status":"completed"}', totals: EMPTY_SUMMARY };
    const head = { epoch: 'e', revision: 2, emailsRevision: 2, state, batches: new Map() };
    const feed = { head: async () => head, since: () => slow().then(() => []) } as unknown as Feed;
    const announcer = {
      announce: async () => undefined,
      announceExisting: async () => facts,
      pauseChanges: () => () => undefined,
    };
    const snapshots = new Snapshots(store, feed, announcer, 8 * MIB);
    const breakdowns = new Breakdowns(store, snapshots);
    const ask = (fileId: string, caller: string): Promise<unknown> => {
      const request = { ...subscription, fileId, caller };
      const query = { fileId, page: 1, limit: 50 };
      if (kind === 'page') return snapshots.page(query, request);
      if (kind === 'search') return snapshots.page({ ...query, email: 'a' }, request);
      if (kind === 'snapshot') return snapshots.snapshot(fileId, request);
      if (kind === 'subscribed') return snapshots.subscribed(request);
      if (kind === 'history') return snapshots.subscribed({ ...request, since: { epoch: 'e', revision: 1 } });
      return breakdowns.of({ fileId, by: 'domain', limit: 1 }, caller, () => undefined);
    };
    const refused: unknown[] = [];
    const answers = Array.from({ length: files }, (_, n) =>
      ask(`f${n}`, 'one').catch((error: unknown) => refused.push(error)),
    );
    answers.push(ask('other', 'other'));
    let isOver = false;
    const all = Promise.all(answers).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise(setImmediate);
      for (const resume of reading.splice(0)) resume();
    }
    await all;
    expect(refused.length).toBeGreaterThan(0);
    expect(refused).toEqual(refused.map(() => expect.objectContaining({ code: 'rate_limited' })));
  },
);

it('the changes of a file do not wait until its first page may be sent', async () => {
  let [revision, isPaused] = [1, false];
  const passed = new Turns();
  const pausedFor: number[] = [];
  const json = (chars: number) => JSON.stringify({ email: 'a@x', reason: 'x'.repeat(chars) });
  const store = {
    results: {
      page: async ({ fileId }: { fileId: string }) => {
        const isBusy = fileId === 'busy';
        if (isBusy && !isPaused) revision++;
        return { total: 1, results: [{ batchId: 'b', position: 0, json: json(isBusy ? 1 : 500 * KIB) }] };
      },
    },
    changes: { since: async () => null },
  } as unknown as Store;
  const feed = {
    head: async (fileId: string) => ({
      epoch: 'e',
      revision: fileId === 'busy' ? revision : 1,
      state: { generation: 0, stats: '{}', totals: { processed: 1 } },
      batches: new Map(),
    }),
  } as unknown as Feed;
  const announcer = {
    announce: async () => undefined,
    announceExisting: (fileId: string) => store.files.find(fileId),
    pauseChanges: () => {
      const begun = passed.count;
      isPaused = true;
      return () => {
        isPaused = false;
        pausedFor.push(passed.count - begun);
      };
    },
  };
  const snapshots = new Snapshots(store, feed, announcer, 8 * MIB);
  await snapshots.subscribed({ ...subscription, fileId: 'large' });
  const others = Array.from({ length: 60 }, () =>
    snapshots.subscribed({ ...subscription, fileId: 'large', caller: 'crowd' }),
  );
  await new Promise(setImmediate);
  const before = passed.count;
  await snapshots.subscribed({ ...subscription, fileId: 'busy' });
  // It had to wait, since others were before it. The changes did not.
  expect(passed.count - before).toBeGreaterThan(5);
  expect(pausedFor).toHaveLength(1);
  expect(pausedFor[0]).toBeLessThanOrEqual(2);
  await Promise.all(others);
});

interface Asked {
  readonly revision?: number;
  readonly isWanted?: () => boolean;
  readonly checkAccess?: () => Promise<null>;
}

/** Snapshots of a gateway whose file `f1` has a history, each read of which waits in `reading`. */
async function slowHistories() {
  const { register, take, flusher, store, feed } = gatewayOn(await engine());
  await register({ fileId: 'f1', batches: ['b1'] });
  await take({ batchId: 'b1', emails: [entry('a@example.com')], isComplete: true });
  const announcer = new Announcer(flusher, null, store.files, feed, new ChangeGate());
  const snapshots = new Snapshots(store, feed, announcer, 8 * MIB);
  const head = await snapshots.head('f1');
  if (head === null) throw new Error('there is a head');
  const { epoch } = head;
  const reading: (() => void)[] = [];
  feed.since = async () => {
    await new Promise<void>((resolve) => reading.push(resolve));
    return [];
  };
  const ask = (caller: string, { revision = 0, ...request }: Asked = {}) =>
    snapshots.subscribed({ ...subscription, ...request, since: { epoch, revision }, caller });
  return { head, feed, take, flusher, reading, ask };
}

it('a few histories are read at once, of one caller fewer', async () => {
  const { reading, ask } = await slowHistories();
  const answers = Array.from({ length: 6 }, () => ask('one'));
  await retry(async () => expect(reading).toHaveLength(2));
  answers.push(...Array.from({ length: 4 }, (_, n) => ask(`other ${n}`)));
  await retry(async () => expect(reading).toHaveLength(4));
  const all = Promise.all(answers);
  let read = 0;
  while (read < 10) {
    expect(reading.length).toBeLessThanOrEqual(4);
    if (reading.length > 0) read++;
    reading.shift()?.();
    await new Promise(setImmediate);
  }
  expect((await all).map((answer) => answer.parsed().recovered)).toEqual(Array(10).fill(true));
});

it('a listener that has missed nothing, or has gone, reads no history; one that waits gets what came meanwhile', async () => {
  const { head, take, reading, ask } = await slowHistories();
  const answers = Array.from({ length: 3 }, () => ask('one'));
  await retry(async () => expect(reading).toHaveLength(2));
  const gone = ask('one', { isWanted: () => false });
  gone.catch(() => undefined);
  const { revision } = head;
  expect((await ask('one', { revision })).parsed()).toMatchObject({ recovered: true, revision, missed: [] });
  expect(reading).toHaveLength(2);
  await take({ batchId: 'b2', emails: [entry('b@example.com')], isComplete: true, fileId: 'f1' });
  reading.shift()?.();
  await retry(async () => expect(reading).toHaveLength(2));
  for (const resume of reading.splice(0)) resume();
  await expect(gone).rejects.toMatchObject({ code: 'unavailable' });
  const revisions = (await Promise.all(answers)).map((answer) => answer.parsed().revision);
  expect(revisions[2]).toBeGreaterThan(revision);
});

it('the place for a history is kept until access to the file was checked', async () => {
  const { feed, ask } = await slowHistories();
  feed.since = async () => [];
  const checks: (() => void)[] = [];
  const checkAccess = () => new Promise<null>((resolve) => checks.push(() => resolve(null)));
  const answers = Array.from({ length: 4 }, () => ask('one', { checkAccess }));
  for (let checked = 0; checked < 4; checked++) {
    await retry(async () => expect(checks.length).toBeGreaterThan(checked));
    await new Promise(setImmediate);
    expect(checks.length).toBeLessThanOrEqual(checked + 2);
    checks[checked]?.();
  }
  await Promise.all(answers);
});
