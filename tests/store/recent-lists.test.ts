import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteCache } from '../../src/byte-cache.js';
import { fingerprints } from '../../src/domain/result.js';
import { RecentLists } from '../../src/store/recent-lists.js';
import { addresses, update } from '../support/updates.js';

const resultsOf = (emails: readonly string[]) => update({ batchId: 'b', emails }).results;

describe('recent lists', () => {
  it('give a list the fingerprint that it has by itself, wherever it was cut before', () => {
    const all = resultsOf(addresses(20));
    const others = resultsOf(addresses(20, 'other'));
    const list = fc.record({ length: fc.nat(20), isOther: fc.boolean(), isComplete: fc.boolean() });
    fc.assert(
      fc.property(fc.array(list), (lists) => {
        const recent = new RecentLists();
        for (const { length, isOther, isComplete } of lists) {
          const results = (isOther ? others : all).slice(0, length);
          const list = recent.fingerprint('b', results);
          const { prefix, whole } = fingerprints(results, list.stored.length);
          expect(list.fingerprint).toBe(whole);
          if (list.stored.length > 0) expect(list.stored.fingerprint).toBe(prefix);
          recent.remember('b', list, isComplete);
        }
        recent.close();
      }),
    );
  });

  it('answer only for the list that is asked for, and for nothing once it is forgotten', () => {
    const recent = new RecentLists();
    const list = recent.fingerprint('b', resultsOf(addresses(3)));
    recent.remember('b', list, false);
    expect(recent.resultsAt('b', list.fingerprint, [2])).toMatchObject([{ batchId: 'b', position: 2 }]);
    expect(recent.resultsAt('b', 'another', [2])).toBeNull();
    recent.remember('b', list, true);
    expect(recent.resultsAt('b', list.fingerprint, [2])).toMatchObject([{ batchId: 'b', position: 2 }]);
    recent.forget('b');
    expect(recent.resultsAt('b', list.fingerprint, [2])).toBeNull();
    recent.remember('b', list, true);
    recent.forgetAll();
    expect(recent.resultsAt('b', list.fingerprint, [2])).toBeNull();
    recent.close();
  });
});

describe('a cache bounded by bytes', () => {
  it('keeps the values that were used last', () => {
    const recent = new ByteCache<number>(10);
    for (const [index, key] of ['a', 'b', 'c'].entries()) recent.set(key, index, 4);
    expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([undefined, 1, 2]);
    recent.get('b');
    recent.set('d', 3, 4);
    expect(['b', 'c', 'd'].map((key) => recent.get(key))).toEqual([1, undefined, 3]);
    recent.set('huge', 4, 11);
    expect(recent.get('huge')).toBeUndefined();
    expect(recent.get('d')).toBe(3);
    recent.close();
  });
});
