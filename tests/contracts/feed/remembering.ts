import { expect, it } from '@jest/globals';
import { append, headOf, type Opens, start } from './harness.js';

const revisions = (events: readonly { revision: number }[] | null) =>
  events?.map(({ revision }) => revision) ?? null;

export function remembering(open: Opens): void {
  it('answers with the results after a revision, none left out, and with no stats', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    const first = await append(feed, 'f1', 2);
    await append(feed, 'f1', 0);
    const third = await append(feed, 'f1', 1);
    const since = (revision: number, upTo = 4) => feed.since('f1', { epoch: 'e1', revision }, upTo);
    const sent = [...first, ...third].filter((event) => event.feed === 'emails');
    expect(await since(0)).toEqual(sent);
    expect(await since(1)).toEqual(sent.slice(1));
    expect(await since(2)).toEqual(sent.slice(2));
    expect(await since(3)).toEqual(sent.slice(2));
    expect(await since(4)).toEqual([]);
  });

  it('stops at the revision that its caller knows', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    for (let i = 0; i < 6; i++) await append(feed, 'f1', 1);
    const since = async (revision: number, upTo: number) =>
      revisions(await feed.since('f1', { epoch: 'e1', revision }, upTo));
    expect(await since(0, 3)).toEqual([1, 2, 3]);
    expect(await since(2, 4)).toEqual([3, 4]);
    expect(await since(3, 3)).toEqual([]);
    expect(await since(5, 100)).toEqual([6]);
  });

  it('does not answer for another epoch, nor for a revision that has not been', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1', 2);
    expect(await feed.since('f1', { epoch: 'e2', revision: 1 }, 2)).toBeNull();
    expect(await feed.since('f1', { epoch: '', revision: 0 }, 2)).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 3 }, 3)).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 1_000_000_000 }, 3)).toBeNull();
    expect(await feed.since('nobody', { epoch: 'e1', revision: 0 }, 2)).toBeNull();
  });

  it('keeps so many revisions', async () => {
    const feed = await open({ history: 5 });
    await feed.begin('f1', start('e1'), null);
    for (let revision = 1; revision <= 40; revision++) {
      await append(feed, 'f1', 1);
      for (const from of [0, revision - 6, revision - 5, revision - 1, revision].filter(
        (from) => from >= 0,
      )) {
        const kept = revisions(await feed.since('f1', { epoch: 'e1', revision: from }, revision));
        const wanted = Array.from({ length: revision - from }, (_, i) => from + 1 + i);
        // Whoever is within the bound misses nothing; beyond it a feed may know more, but never less than all.
        if (revision - from <= 5) expect(kept).toEqual(wanted);
        else expect([null, wanted]).toContainEqual(kept);
      }
    }
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 40)).toBeNull();
  });

  it('counts a revision of stats alone as one of them', async () => {
    const feed = await open({ history: 5 });
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1', 1);
    for (let i = 0; i < 200; i++) await append(feed, 'f1', 0);
    // Nobody who is within the bound misses anything, and there was one event in all.
    const since = (revision: number) => feed.since('f1', { epoch: 'e1', revision }, 201);
    expect(await since(196)).toEqual([]);
    expect(await since(201)).toEqual([]);
    expect([null, [1]]).toContainEqual(revisions(await since(0)));
  });

  it('keeps so many bytes, as they go over the wire', async () => {
    for (const character of ['a', 'é', '漢', '😀']) {
      const payload = character.repeat(1_000 / Buffer.byteLength(character));
      const feed = await open({ historyBytes: 10_000 });
      await feed.begin('f1', start('e1'), null);
      for (let i = 0; i < 60; i++) await append(feed, 'f1', 1, payload);
      const since = (revision: number) => feed.since('f1', { epoch: 'e1', revision }, 60);
      expect(revisions(await since(55))).toEqual([56, 57, 58, 59, 60]);
      expect(await since(40)).toBeNull();
    }
  });

  it('takes an event that is larger than all it may keep', async () => {
    const feed = await open({ historyBytes: 1_000 });
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1', 1);
    await append(feed, 'f1', 1, 'x'.repeat(100_000));
    expect(await headOf(feed, 'f1')).toMatchObject({ revision: 2, emailsRevision: 2 });
    const missed = revisions(await feed.since('f1', { epoch: 'e1', revision: 0 }, 2));
    expect([null, [1, 2]]).toContainEqual(missed);
    await append(feed, 'f1', 1);
    expect(revisions(await feed.since('f1', { epoch: 'e1', revision: 2 }, 3))).toEqual([3]);
  });

  it('can do without a history', async () => {
    const feed = await open({ history: 0, historyBytes: 0 });
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1', 2);
    expect(await feed.since('f1', { epoch: 'e1', revision: 2 }, 2)).toEqual([]);
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 2)).toBeNull();
    await append(feed, 'f1', 0);
    expect(await headOf(feed, 'f1')).toMatchObject({ revision: 3, emailsRevision: 2 });
  });
}
