import { expect, it } from '@jest/globals';
import type { Head } from '../../../src/feed/feed.js';
import { announced, append, change, events, headOf, type Opens, start, state } from './harness.js';

export function beginning(open: Opens): void {
  it('has no head before it is begun', async () => {
    const feed = await open();
    expect(await feed.head('f1', ['b1'])).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 0)).toBeNull();
    expect(await feed.append('f1', { epoch: 'e1', revision: 0 }, change(events({ revision: 0 })))).toBe(
      false,
    );
    expect(await feed.head('f1', [])).toBeNull();
  });

  it('begins at revision 0 with what is said to be announced', async () => {
    const feed = await open();
    const said = state({ generation: '7', stats: '{"é":"😀"}', changes: -1, isEpochUnannounced: true });
    const batches = new Map([
      ['b1', announced(3, 5)],
      ['b2', announced(1, 0)],
    ]);
    await feed.begin('f1', start('e1', { state: said, batches }), null);
    expect(await feed.head('f1', ['b2', 'nobody'])).toEqual({
      epoch: 'e1',
      revision: 0,
      emailsRevision: 0,
      state: said,
      batches: new Map([['b2', announced(1, 0)]]),
    });
    expect((await headOf(feed, 'f1')).batches.size).toBe(0);
  });

  it('lets one of many that begin at once win', async () => {
    const feed = await open();
    await Promise.all(Array.from({ length: 20 }, (_, i) => feed.begin('f1', start(`e${i}`), null)));
    const { epoch } = await headOf(feed, 'f1');
    await feed.begin('f1', start('late'), null);
    expect((await headOf(feed, 'f1')).epoch).toBe(epoch);
  });

  it('takes the place of the epoch that it is meant for, and of no other', async () => {
    const feed = await open();
    const old = new Map([['b1', announced(3, 5)]]);
    await feed.begin('f1', start('e1', { batches: old }), null);
    await append(feed, 'f1', 3);
    await feed.begin('f1', start('e2'), 'another');
    expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e1', revision: 3 });
    await feed.begin('f1', start('e3', { batches: new Map([['b2', announced(1, 1)]]) }), 'e1');
    const head = await headOf(feed, 'f1', ['b1', 'b2']);
    expect(head).toMatchObject({ epoch: 'e3', revision: 0, emailsRevision: 0 });
    // Nothing of the old epoch is left in the new one.
    expect([...head.batches.keys()]).toEqual(['b2']);
    expect(await feed.since('f1', { epoch: 'e1', revision: 3 }, 3)).toBeNull();
    expect(await feed.since('f1', { epoch: 'e3', revision: 0 }, 0)).toEqual([]);
    await feed.begin('f1', start('e4'), 'e1');
    expect((await headOf(feed, 'f1')).epoch).toBe('e3');
  });

  it('does not begin in place of an epoch that is not kept any more', async () => {
    const feed = await open();
    await feed.begin('f1', start('e2'), 'e1');
    expect(await feed.head('f1', [])).toBeNull();
  });
}

export function appending(open: Opens): void {
  it('keeps the head, the batches and the history in one step', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1', { batches: new Map([['b1', announced(1, 1)]]) }), null);
    const said = change(events({ revision: 0 }, 2), {
      state: state({ stats: '{"revision":2}', changes: 9, pace: null }),
      batches: new Map([
        ['b1', announced(2, 4)],
        ['b2', announced(1, 1)],
      ]),
    });
    expect(await feed.append('f1', { epoch: 'e1', revision: 0 }, said)).toBe(true);
    expect(await headOf(feed, 'f1', ['b1', 'b2'])).toEqual({
      epoch: 'e1',
      revision: 2,
      emailsRevision: 2,
      state: said.state,
      batches: said.batches,
    });
  });

  it('counts revisions of stats alone, and remembers where the last results were', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1', 2);
    await append(feed, 'f1', 0);
    await append(feed, 'f1', 0);
    expect(await headOf(feed, 'f1')).toMatchObject({ revision: 4, emailsRevision: 2 });
  });

  it('refuses what was made for another revision or another epoch, and changes nothing', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1');
    await append(feed, 'f1');
    const before = await headOf(feed, 'f1');
    const said = change(events({ revision: 2 }), { state: state({ stats: 'wrong' }) });
    for (const expected of [
      { epoch: 'e1', revision: 1 },
      { epoch: 'e1', revision: 3 },
      { epoch: 'e1', revision: 0 },
      { epoch: 'e0', revision: 2 },
      { epoch: '', revision: 2 },
    ]) {
      expect(await feed.append('f1', expected, said)).toBe(false);
    }
    expect(await headOf(feed, 'f1')).toEqual(before);
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 9)).toHaveLength(2);
  });

  it('knows the head that it has left, and what was announced of the batches that it has appended', async () => {
    const feed = await open();
    expect(feed.lastHead('f1', [])).toBeNull();
    await feed.begin('f1', start('e1'), null);
    const grow = async (head: Head, version: number, emails: number) => {
      const batches = new Map([['b1', announced(version, version)]]);
      const said = { state: state({ stats: `{"version":${version}}`, changes: version }), batches };
      expect(await feed.append('f1', head, change(events(head, emails), said))).toBe(true);
      const last = feed.lastHead('f1', ['b1']);
      const { batches: known, ...rest } = await headOf(feed, 'f1', ['b1']);
      expect(last).toMatchObject(rest);
      expect(last?.batches.get('b1')).toEqual(known.get('b1'));
      return last as Head;
    };
    // The last one has stats alone: the revision of the results before it stays.
    const first = await grow(await headOf(feed, 'f1'), 1, 2);
    const last = await grow(await grow(first, 2, 1), 3, 0);
    await feed.remove('f1');
    expect(await feed.append('f1', last, change(events(last)))).toBe(false);
    await feed.begin('f1', start('e2'), null);
    expect(await feed.append('f1', last, change(events(last)))).toBe(false);
  });

  it('lets exactly one of many that append at once win', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    for (let round = 0; round < 20; round++) {
      const head = await headOf(feed, 'f1');
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          feed.append('f1', head, change(events(head, 1 + (i % 3), `${round}-${i}`))),
        ),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      const winner = outcomes.indexOf(true);
      expect((await headOf(feed, 'f1')).revision).toBe(head.revision + 1 + (winner % 3));
      const kept = await feed.since('f1', head, Number.MAX_SAFE_INTEGER);
      expect(kept).toEqual(events(head, 1 + (winner % 3), `${round}-${winner}`).slice(0, -1));
    }
  });

  it('has no hole in it, however many append', async () => {
    const feed = await open();
    await feed.begin('f1', start('e1'), null);
    const writers = Array.from({ length: 5 }, async () => {
      for (let appended = 0; appended < 30; ) {
        const head = await headOf(feed, 'f1');
        const next = change(events(head, appended % 3));
        if (await feed.append('f1', head, next)) appended++;
      }
    });
    await Promise.all(writers);
    const kept = await feed.since('f1', { epoch: 'e1', revision: 0 }, Number.MAX_SAFE_INTEGER);
    // 5 writers × 10 rounds of 0, 1 and 2 results: the first of each takes a revision for its stats alone.
    expect((await headOf(feed, 'f1')).revision).toBe(5 * 10 * (1 + 1 + 2));
    expect(kept).toHaveLength(5 * 10 * (0 + 1 + 2));
    const revisions = kept?.map(({ revision }) => revision) ?? [];
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  });

  it('does not mix files whose ids are starts of each other', async () => {
    const feed = await open();
    const ids = [
      'f',
      'f1',
      'f1:b',
      'f1:b1',
      'f1*',
      'F1',
      '__proto__',
      'f1\u00e9',
      'f1e\u0301',
      'x'.repeat(256),
    ];
    for (const id of ids) {
      await feed.begin(
        id,
        start(`e of ${id.slice(0, 99)}`, { batches: new Map([[id, announced(1, 1)]]) }),
        null,
      );
    }
    for (const [index, id] of ids.entries()) await append(feed, id, index, id);
    for (const [index, id] of ids.entries()) {
      const head = await headOf(feed, id, [...ids, 'constructor']);
      expect(head).toMatchObject({
        epoch: `e of ${id.slice(0, 99)}`,
        revision: Math.max(1, index),
        emailsRevision: index,
      });
      expect([...head.batches]).toEqual([[id, announced(1, 1)]]);
      const kept = await feed.since(id, { epoch: head.epoch, revision: 0 }, 99);
      expect(kept).toEqual(events({ revision: 0 }, index, id).slice(0, -1));
    }
    await feed.remove('f1');
    for (const id of ids) expect((await feed.head(id, [])) === null).toBe(id === 'f1');
  });
}
