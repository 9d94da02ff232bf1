import { expect, it } from '@jest/globals';
import { fingerprints, readResult } from '../../src/domain/result.js';
import { entriesToDrop } from '../../src/store/byte-limit.js';
import { compareLists, rewritesAfter } from '../../src/store/rewrites.js';

const listOf = (...emails: string[]) => {
  const results = emails.map((email) => readResult({ email })).filter((result) => typeof result === 'object');
  const { whole: fingerprint } = fingerprints(results, 0);
  return { results, fingerprint, length: results.length, rewrites: '[]' };
};

it.each([
  ['nothing', listOf(), listOf('a'), true],
  ['its beginning', listOf('a'), listOf('a', 'b'), true],
  ['itself', listOf('a'), listOf('a'), true],
  ['something longer', listOf('a', 'b'), listOf('a'), false],
  ['something else', listOf('a'), listOf('b', 'a'), false],
])('a list extends %s or replaces it', (_, stored, { results, fingerprint }, isExtension) => {
  expect(compareLists(stored, results)).toEqual({ isExtension, fingerprint });
});

it('remembers which positions a replacement has changed, and merges the oldest', () => {
  const stored = listOf('a', 'b', 'c');
  const first = rewritesAfter(stored, 2, ['a', 'b', 'c'], ['a', 'x']);
  expect(JSON.parse(first)).toEqual([{ version: 2, lengthBefore: 3, lengthAfter: 2, changed: [1] }]);
  let rewrites = first;
  for (let version = 3; version < 9; version++)
    rewrites = rewritesAfter({ ...stored, rewrites }, version, ['a'], ['b']);
  expect(JSON.parse(rewrites)).toHaveLength(4);
  expect(JSON.parse(rewrites)[0]).toEqual({ version: 5, lengthBefore: 3, lengthAfter: 0, changed: null });
});

it.each([
  [-1, 0],
  [0, 0],
  [1, 1],
  [10, 1],
  [11, 2],
  [99, 3],
])('of three entries of ten bytes, %i bytes beyond the limit drop %i', (excess, count) => {
  expect(entriesToDrop([{ bytes: 10 }, { bytes: 10 }, { bytes: 10 }], excess)).toHaveLength(count);
});
