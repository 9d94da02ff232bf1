import { describe, expect, it } from '@jest/globals';
import { statsOf } from '../../src/domain/stats.js';
import { add, EMPTY_SUMMARY } from '../../src/domain/summary.js';
import { listsOf } from '../contracts/store/harness.js';
import { eventually } from '../support/eventually.js';
import { addresses } from '../support/updates.js';
import { Copy, type Engine, engine, flaky, gatewayOn } from './stage.js';

/** Once all is quiet, a copy has what the store has, no more and no less, and the stats count just that. */
async function expectSame(copy: Copy, { store, feed }: Engine): Promise<void> {
  expect(Object.fromEntries(copy.lists)).toEqual(await listsOf(store, copy.fileId));
  const facts = await store.files.find(copy.fileId);
  const totals = (await store.files.batches(copy.fileId)).reduce(
    (sum, { summary }) => add(sum, summary),
    EMPTY_SUMMARY,
  );
  const cursor = { epoch: copy.stats?.epoch ?? '', revision: copy.stats?.revision ?? 0 };
  const wanted = statsOf({ fileId: copy.fileId, facts, totals, cursor, recentRate: 0 });
  const { throughput, lastUpdated, completedAt, ...stats } = copy.stats ?? wanted;
  expect(wanted).toMatchObject(stats);
  const head = await feed.head(copy.fileId, []);
  expect(head).toMatchObject({ ...cursor, state: { totals } });
}

/** How often a flush had to be made again because another gateway was faster. */
async function conflictsOf(gateways: readonly ReturnType<typeof gatewayOn>[]): Promise<number> {
  const counts = await Promise.all(gateways.map(({ metrics }) => metrics.conflicts.get()));
  return counts.reduce((sum, { values }) => sum + (values[0]?.value ?? 0), 0);
}

describe('two gateways on one file', () => {
  it('announce everything once, in one order', async () => {
    const both = await engine();
    const gateways = [gatewayOn(both, 0, 7), gatewayOn(both, 1, 5), gatewayOn(both, 0, 3)];
    const copy = await Copy.of(both, 'f1');
    const batchIds = Array.from({ length: 8 }, (_, i) => `b${i}`);
    await gateways[0]?.register({ fileId: 'f1', batches: batchIds });
    for (let count = 1; count <= 40; count++) {
      const takes = gateways.flatMap((gateway, g) =>
        batchIds.flatMap((batchId, b) => {
          // Each update reaches one or two gateways; now and then a batch is run again and comes out otherwise.
          if ((count + b + g) % 3 === 0) return [];
          const name = (count + b) % 11 === 0 ? `run${count}-` : 'a';
          return [gateway.take({ batchId, emails: addresses(count, name) })];
        }),
      );
      await Promise.all(takes);
    }
    for (const { flusher } of gateways) await flusher.drain();
    for (const { flusher } of gateways) await flusher.drain();
    await expectSame(copy, both);
    // Without conflicts this test would prove nothing.
    const lost = await conflictsOf(gateways);
    expect(lost).toBeGreaterThan(10);
    expect(copy.epochs).toHaveLength(1);
  });

  it('flush the same change together and announce it once', async () => {
    const both = await engine();
    const gateways = Array.from({ length: 6 }, () => gatewayOn(both));
    const copy = await Copy.of(both, 'f1');
    for (let count = 1; count <= 50; count++) {
      await gateways[0]?.take({ batchId: 'b1', fileId: 'f1', emails: addresses(count) });
      for (const { flusher } of gateways) flusher.markChanged('f1', ['b1']);
      await Promise.all(gateways.map(({ flusher }) => flusher.drain()));
    }
    const positions = copy.emails.flatMap(({ emails }) => emails.map(({ position }) => position));
    expect(positions).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(await conflictsOf(gateways)).toBeGreaterThan(100);
    await expectSame(copy, both);
  });

  it('survive a request that is replaced under their hands', async () => {
    const both = await engine();
    const gateways = [gatewayOn(both), gatewayOn(both)] as const;
    const copy = await Copy.of(both, 'f1');
    for (let request = 0; request < 15; request++) {
      const batches = ['x', 'y'].map((name) => `${name}${request}`);
      const [one, other] = request % 2 ? gateways : ([...gateways].reverse() as unknown as typeof gateways);
      await Promise.all([
        one.register({ fileId: 'f1', requestId: `r${request}`, batches }),
        ...batches.flatMap((batchId) =>
          [3, 6, 9].map((count) => other.take({ batchId, emails: addresses(count, batchId) })),
        ),
        other.take({ batchId: `x${request - 1}`, emails: addresses(20), isComplete: true }),
      ]);
    }
    for (const { flusher } of [...gateways, ...gateways]) await flusher.drain();
    // An epoch may begin with results that were never announced: a listener that sees it starts over from the snapshot.
    const late = await Copy.of(both, 'f1');
    expect(copy.epochs.at(-1)).toBe(late.epochs[0]);
    const head = await both.feed.head('f1', []);
    const lists = await listsOf(both.store, 'f1');
    expect(lists).toEqual({ x14: addresses(9, 'x14'), y14: addresses(9, 'y14') });
    expect(head?.state.totals.processed).toBe(18);
    expect(copy.stats?.progress.processed).toBe(18);
  });
});

describe('a store or a feed that fails', () => {
  it.each([
    ['changes', 'since'],
    ['files', 'batches'],
    ['changes', 'markAnnounced'],
    ['feed', 'head'],
    ['feed', 'begin'],
    ['feed', 'append'],
  ] as const)('is tried again: %s.%s', async (port, method) => {
    const both = await engine();
    const copy = await Copy.of(both, 'f1');
    // The file begins anew in a feed that knows nothing of it, so that every step is needed.
    const unreliable = {
      store:
        port === 'feed' ? both.store : { ...both.store, [port]: flaky(both.store[port], { [method]: 2 }) },
      feed: port === 'feed' ? flaky(both.feed, { [method]: 2 }) : both.feed,
    };
    const { take, register, flusher } = gatewayOn(unreliable, 1);
    await register({ fileId: 'f1', requestId: 'r0', batches: ['b0'] });
    await take({ batchId: 'b0', emails: addresses(4) });
    await eventually('the first request was announced', () => copy.stats?.progress.processed === 4);
    await register({ fileId: 'f1', requestId: 'r1', batches: ['b1', 'b2'] });
    for (let count = 1; count <= 6; count++) {
      await take({ batchId: 'b1', emails: addresses(count) });
      await take({ batchId: 'b2', emails: addresses(2 * count) });
    }
    await eventually('the second request was announced', () => copy.stats?.progress.processed === 18);
    await flusher.drain();
    await expectSame(copy, both);
    await eventually(
      'it is known to be announced',
      async () => (await both.store.changes.unannounced()).length === 0,
    );
  });

  it('is reported to the caller of drain, and nothing is forgotten', async () => {
    const both = await engine();
    const copy = await Copy.of(both, 'f1');
    const { take, flusher } = gatewayOn({ store: both.store, feed: flaky(both.feed, { append: 3 }) }, 1);
    await take({ batchId: 'b1', fileId: 'f1', emails: addresses(3) });
    await expect(flusher.drain()).rejects.toThrow('could not be announced');
    await eventually('it was announced after all', () => copy.lists.get('b1')?.length === 3);
    await flusher.drain();
    await expectSame(copy, both);
  });

  it('does not lose the change of an update that was refused', async () => {
    const both = await engine();
    const copy = await Copy.of(both, 'f1');
    const { take, flusher } = gatewayOn({
      store: { ...both.store, updates: flaky(both.store.updates, { save: 1 }) },
      feed: both.feed,
    });
    await expect(take({ batchId: 'b1', fileId: 'f1', emails: ['a'] })).rejects.toThrow('save fails');
    expect(await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] })).toBe('applied');
    await flusher.drain();
    await expectSame(copy, both);
  });
});

describe('a deletion', () => {
  it('is reported to the listeners, and late changes of the file announce nothing more', async () => {
    const both = await engine();
    const { take, pipeline, flusher } = gatewayOn(both, 1);
    const copy = await Copy.of(both, 'f1');
    const takes = Array.from({ length: 100 }, (_, i) =>
      take({ batchId: 'b1', fileId: 'f1', requestId: 'r1', emails: addresses(i + 1) }),
    );
    await takes[0];
    expect(await pipeline.remove('f1')).toBe(true);
    expect(await pipeline.remove('f1')).toBe(false);
    const { length } = copy.events;
    await Promise.all(takes);
    flusher.markChanged('f1', ['b1']);
    await flusher.drain();
    expect(copy).toMatchObject({ removals: 1, events: { length } });
    expect(await both.feed.head('f1', [])).toBeNull();
  });

  it('leaves alone the feed of a file that another user has begun with its id meanwhile', async () => {
    const both = await engine();
    const other = gatewayOn(both);
    await other.take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await other.flusher.drain();
    const { files } = both.store;
    const remove = async (fileId: string) => {
      const existed = await files.remove(fileId);
      await other.take({ batchId: 'b2', fileId: 'f1', emails: ['z'] });
      await other.flusher.drain();
      return existed;
    };
    const copy = await Copy.of(both, 'f1');
    const { pipeline } = gatewayOn({ ...both, store: { ...both.store, files: { ...files, remove } } });
    expect(await pipeline.remove('f1')).toBe(true);
    const head = await both.feed.head('f1', []);
    expect(head?.state.generation).toBe((await files.find('f1'))?.generation);
    expect(copy.removals).toBe(0);
  });

  it('does not keep a batch from another file', async () => {
    const both = await engine();
    const { register, take, pipeline, flusher } = gatewayOn(both);
    await register({ fileId: 'f1', batches: ['b1'] });
    await take({ batchId: 'b1', emails: ['a'] });
    await pipeline.remove('f1');
    const copy = await Copy.of(both, 'f2');
    await register({ fileId: 'f2', batches: ['b1'] });
    expect(await take({ batchId: 'b1', emails: ['z'] })).toBe('applied');
    await flusher.drain();
    expect(copy.lists.get('b1')).toEqual(['z']);
    await expectSame(copy, both);
  });
});
