import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FileCopy, type PlacedResult } from '../../src/client/index.js';
import { result } from './fake-gateway.js';

const emailsOf = (copy: FileCopy) => [...copy.results()].map(({ email }) => email);

describe('FileCopy', () => {
  it('holds one result per place: the newest', () => {
    const copy = new FileCopy();
    copy.startOver([result('a', 0, 'old'), result('a', 1, 'kept')]);
    copy.apply({ emails: [result('a', 0, 'new'), result('b', 0, 'other')] });
    expect(emailsOf(copy)).toEqual(['new', 'kept', 'other']);
    expect(copy.size).toBe(3);
    expect(copy.get('a', 0)?.email).toBe('new');
    expect(copy.get('nowhere', 0)).toBeUndefined();
  });

  it('keeps an address that stands twice in a list twice', () => {
    const copy = new FileCopy();
    copy.apply({ emails: [result('a', 0, 'same'), result('a', 1, 'same')] });
    expect(copy.size).toBe(2);
  });

  it('drops the places of a shorter run before it takes in the emails', () => {
    const copy = new FileCopy();
    copy.startOver([0, 1, 2, 3].map((position) => result('a', position, `old ${position}`)));
    copy.apply({ truncated: [{ batchId: 'a', length: 1 }], emails: [result('a', 2, 'new 2')] });
    expect(emailsOf(copy)).toEqual(['old 0', 'new 2']);
    copy.apply({ truncated: [{ batchId: 'never heard of', length: 0 }], emails: [] });
    expect(copy.size).toBe(2);
  });

  it('starts over with nothing of before', () => {
    const copy = new FileCopy();
    copy.apply({ truncated: [{ batchId: 'a', length: 0 }], emails: [result('b', 0, 'b')] });
    copy.startOver([]);
    copy.fill([result('a', 0, 'a'), result('b', 0, 'from the page')]);
    expect(emailsOf(copy)).toEqual(['a', 'from the page']);
  });

  it('never lets a page that was read earlier go over what an event said', () => {
    type Change = { length: number; seed: number };
    const change: fc.Arbitrary<Change> = fc.record({ length: fc.nat({ max: 6 }), seed: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.nat(), fc.nat(), (changes, snapshotAt, pageAt) => {
        const at = snapshotAt % (changes.length + 1);
        const readAt = at + (pageAt % (changes.length + 1 - at));
        const runs = [[], ...changes.map(({ length, seed }) => list(length, seed))];
        const copy = new FileCopy();
        // late to the party: the snapshot shows the first place only, the page comes after all events
        copy.startOver((runs[at] ?? []).slice(0, 1));
        for (let n = at + 1; n < runs.length; n += 1) copy.apply(event(runs[n - 1] ?? [], runs[n] ?? []));
        copy.fill(runs[readAt] ?? []);
        expect(emailsOf(copy)).toEqual((runs.at(-1) ?? []).map(({ email }) => email));
      }),
    );
  });
});

function list(length: number, seed: number): PlacedResult[] {
  return Array.from({ length }, (_, position) =>
    result('a', position, `${position % 2 === 0 ? seed : 'same'}`),
  );
}

function event(before: PlacedResult[], after: PlacedResult[]) {
  return {
    truncated: after.length < before.length ? [{ batchId: 'a', length: after.length }] : [],
    emails: after.filter(({ email }, position) => before[position]?.email !== email),
  };
}
