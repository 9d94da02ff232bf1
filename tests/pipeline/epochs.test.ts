import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { beginEpoch, Heads, removeFeedOf } from '../../src/epoch/head.js';
import { MemoryFeed } from '../../src/feed/memory-feed.js';
import type { BatchState, Store } from '../../src/store/store.js';
import { listsOf } from '../contracts/store/harness.js';
import { onTeardown } from '../support/teardown.js';
import { Turns } from '../support/turns.js';
import { addresses, update } from '../support/updates.js';
import { Copy, engine, gatewayOn } from './stage.js';

describe('an epoch', () => {
  it('goes on when a file that was waited for begins', async () => {
    const both = await engine();
    const { register, take, flusher } = gatewayOn(both);
    const copy = await Copy.of(both, 'f1');
    await register({ fileId: 'f1', batches: ['b1'] });
    await take({ batchId: 'b1', emails: addresses(3) });
    await flusher.drain();
    expect(copy.epochs).toHaveLength(1);
    expect(copy.lists.get('b1')).toEqual(addresses(3));
  });

  it('ends with its request, and listeners are informed at once', async () => {
    const both = await engine();
    const { register, take, flusher, store } = gatewayOn(both);
    const copy = await Copy.of(both, 'f1');
    await register({ fileId: 'f1', requestId: 'r1', batches: ['b1'] });
    await take({ batchId: 'b1', emails: addresses(3), isComplete: true });
    await flusher.drain();
    // The new request has no results yet: both feeds must announce it all the same.
    await register({ fileId: 'f1', requestId: 'r2', batches: ['b2'], totalEmails: 20 });
    await flusher.drain();
    expect(copy.epochs).toHaveLength(2);
    expect(copy.emails.at(-1)).toEqual({
      fileId: 'f1',
      epoch: copy.epochs[1],
      revision: 1,
      previous: 0,
      emails: [],
    });
    expect(copy.stats).toMatchObject({
      epoch: copy.epochs[1],
      revision: 1,
      status: 'pending',
      progress: { total: 20, processed: 0 },
    });
    await take({ batchId: 'b1', emails: addresses(9), isComplete: true });
    await take({ batchId: 'b2', emails: addresses(5, 'z') });
    await flusher.drain();
    expect(copy.epochs).toHaveLength(2);
    expect(Object.fromEntries(copy.lists)).toEqual(await listsOf(store, 'f1'));
  });

  it('is the one whose stats are kept, although a gateway remembers the head of the one before', async () => {
    const both = await engine();
    const { feed, store } = both;
    const gateway = gatewayOn(both);
    await gateway.take({ batchId: 'b1', fileId: 'f1', emails: addresses(3) });
    await gateway.flusher.drain();
    const left = feed.lastHead('f1', ['b1']);
    if (left === null) throw new Error('there is a head');
    // What another gateway does where the history was lost.
    const facts = await store.files.find('f1');
    await beginEpoch(store, feed, 'f1', { facts, replaces: left.epoch, unannounced: [] });
    const behind = new Proxy(feed, {
      get: (_, name) => {
        const value: unknown = Reflect.get(feed, name, feed);
        if (name === 'lastHead') return () => left;
        return typeof value === 'function' ? value.bind(feed) : value;
      },
    });
    const { flusher } = gatewayOn({ store, feed: behind });
    // Nothing of it is new.
    flusher.markChanged('f1', ['b1']);
    await flusher.drain();
    const [file] = await store.files.list({ limit: 1, after: null });
    expect(JSON.parse(file?.stats ?? '{}').epoch).toBe((await feed.head('f1', []))?.epoch);
  });

  it('begins anew where the feed has forgotten the file, and nothing is announced twice', async () => {
    const both = await engine();
    const first = gatewayOn(both);
    await first.take({ batchId: 'b1', fileId: 'f1', emails: addresses(100) });
    await first.flusher.drain();
    // What a restart does: the store stays, the feed is empty.
    const feed = new MemoryFeed({
      history: 1_000,
      historyBytes: 2 ** 20,
      totalBytes: 2 ** 26,
      ttlMs: 3_600_000,
    });
    onTeardown(() => feed.close());
    const second = gatewayOn({ store: both.store, feed });
    const copy = await Copy.of(second, 'f1');
    await second.take({ batchId: 'b1', emails: addresses(103) });
    await second.flusher.drain();
    expect(copy.emails.flatMap(({ emails }) => emails.map(({ position }) => position))).toEqual([
      100, 101, 102,
    ]);
    expect(copy.stats?.progress.processed).toBe(103);
    expect(copy.epochs).toHaveLength(1);
  });

  it('goes with the generation that was deleted, and with no other', async () => {
    const both = await engine();
    const { feed } = both;
    const { take, flusher } = gatewayOn(both);
    await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await flusher.drain();
    const generation = (await feed.head('f1', []))?.state.generation ?? '';
    let removals = 0;
    onTeardown(await feed.follow('f1', { event: () => undefined, removed: () => removals++ }));
    for (const deleted of ['another', generation, generation]) {
      const isThere = (await feed.head('f1', [])) !== null;
      await removeFeedOf(feed, 'f1', deleted);
      expect((await feed.head('f1', [])) !== null).toBe(isThere && deleted !== generation);
    }
    expect(removals).toBe(1);
  });

  it('is not begun by two who open it at once', async () => {
    const both = await engine();
    const { take, flusher } = gatewayOn(both);
    await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await flusher.drain();
    const heads = await Promise.all(
      Array.from({ length: 20 }, (_, i) => new Heads(both.store, both.feed).ensure(i % 2 ? 'f1' : 'f2')),
    );
    expect(new Set(heads.map(({ epoch }) => epoch)).size).toBe(2);
  });

  it('is built once, or once more, for however many ask for it at once', async () => {
    const both = await engine();
    const { take, flusher } = gatewayOn(both);
    await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await flusher.drain();
    await both.feed.remove('f1');
    let built = 0;
    const { files } = both.store;
    const batches: Store['files']['batches'] = (...args) => {
      built++;
      return files.batches(...args);
    };
    const store: Store = {
      ...both.store,
      files: { ...files, find: (fileId) => files.find(fileId), batches },
    };
    const asked = new Heads(store, both.feed);
    const heads = await Promise.all(Array.from({ length: 40 }, () => asked.ensure('f1')));
    expect(new Set(heads.map(({ epoch }) => epoch)).size).toBe(1);
    expect(built).toBeLessThanOrEqual(2);
  });

  it('is built in turns of the event loop where the file has many batches', async () => {
    const both = await engine();
    const { take, flusher } = gatewayOn(both);
    await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await flusher.drain();
    await both.feed.remove('f1');
    const { files } = both.store;
    const facts = await files.find('f1');
    const [first] = await files.batches('f1');
    const states = Array.from({ length: 20_000 }, (_, n) => ({ ...first, batchId: `b${n}` }) as BatchState);
    const store: Store = {
      ...both.store,
      // No other thread is waited for, which would give others their turns, too.
      files: { ...files, find: async () => facts, batches: async (_, keep) => states.map(keep as never) },
    };
    const turns = new Turns();
    const { state } = await new Heads(store, both.feed).ensure('f1');
    turns.stop();
    expect(state.totals.batches).toBe(20_000);
    // A thousand batches a turn.
    expect(turns.count).toBeGreaterThan(17);
  });

  it('is built for a reader of few files at once, and of fewer of one owner', async () => {
    const both = await engine();
    const gateway = gatewayOn(both);
    await gateway.take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    const { files } = both.store;
    const facts = await files.find('f1');
    const running: string[] = [];
    const most = { ofAnn: 0, ofAll: 0 };
    const store: Store = {
      ...both.store,
      files: {
        ...files,
        find: async (fileId) => facts && { ...facts, fileId, userId: fileId.slice(0, 3) },
        batches: async (fileId) => {
          running.push(fileId);
          most.ofAnn = Math.max(most.ofAnn, running.filter((id) => id.startsWith('ann')).length);
          most.ofAll = Math.max(most.ofAll, running.length);
          await setImmediate();
          running.splice(running.indexOf(fileId), 1);
          return [];
        },
      },
    };
    const heads = new Heads(store, both.feed);
    const owners = ['ann', 'joe', 'zoe'];
    const fileIds = owners.flatMap((owner) => Array.from({ length: 6 }, (_, n) => `${owner} ${n}`));
    await Promise.all(fileIds.map((fileId) => heads.ensure(fileId)));
    expect(most).toEqual({ ofAnn: 4, ofAll: 8 });
  });

  it('does not outlive its file, wherever the deletion falls', async () => {
    const both = await engine();
    const setUp = gatewayOn(both);
    await setUp.take({ batchId: 'b1', fileId: 'f1', emails: addresses(5) });
    // The feed has forgotten the file, and it is deleted while its epoch is begun anew.
    await setUp.flusher.drain();
    await both.feed.remove('f1');
    let deleted = false;
    const { files } = both.store;
    const batches = async <T>(fileId: string, keep?: (batch: BatchState) => T): Promise<T[]> => {
      const found = await files.batches(fileId, keep);
      if (!deleted) {
        deleted = true;
        await setUp.pipeline.remove('f1');
      }
      return found;
    };
    const store: Store = {
      ...both.store,
      files: { ...files, find: (fileId) => files.find(fileId), batches },
    };
    await new Heads(store, both.feed).ensure('f1');
    expect(deleted).toBe(true);
    const head = await new Heads(both.store, both.feed).ensure('f1');
    expect(JSON.parse(head.state.stats)).toMatchObject({ status: 'pending', progress: { processed: 0 } });
  });
});

describe('what a gateway left unannounced', () => {
  it('is announced by the next one', async () => {
    const both = await engine();
    const { store, feed } = both;
    const first = gatewayOn(both);
    await first.take({ batchId: 'b1', fileId: 'f1', emails: addresses(3) });
    await first.flusher.drain();
    // It dies after the store and before the feed.
    await store.updates.save(update({ batchId: 'b1', emails: addresses(8) }), VALIDATOR);
    expect((await store.changes.unannounced()).map(({ fileId }) => fileId)).toEqual(['f1']);
    const second = gatewayOn(both);
    await second.pipeline.queueUnannounced();
    await second.flusher.drain();
    expect(await store.changes.unannounced()).toEqual([]);
    await second.take({ batchId: 'b1', emails: addresses(9) });
    await second.flusher.drain();
    const [listed] = await store.files.list({ limit: 1, after: null });
    expect(JSON.parse(listed?.stats ?? '')).toMatchObject({ progress: { processed: 9 } });
    expect((await feed.head('f1', []))?.state.totals.processed).toBe(9);
  });
});
