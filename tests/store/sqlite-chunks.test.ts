/** How a list is cut into rows: a page reads whole chunks, so none is much larger than a result of it. */
import { expect, test } from '@jest/globals';
import type { Result } from '../../src/domain/result.js';
import { areMany, rowsOf, writtenPortions } from '../../src/store/sqlite/results/results.js';
import { entry, update } from '../support/updates.js';

const LARGE = 'x'.repeat(100_000);
const results = (...reasons: readonly string[]) =>
  update({
    batchId: 'b',
    emails: reasons.map((reason, at) => entry(`a${at}@example.com`, { reason })),
  }).results;
const small = (count: number): string[] => Array(count).fill('');

test('small results are 64 to a chunk, large ones by themselves', () => {
  const lengths = (...reasons: readonly string[]) =>
    rowsOf(results(...reasons)).chunks.map(({ length }) => length);
  expect(lengths()).toEqual([]);
  expect(lengths(...small(130))).toEqual([64, 64, 2]);
  expect(lengths(...small(3), LARGE, LARGE, ...small(65))).toEqual([3, 1, 1, 64, 1]);
});

test('chunks are the results in their order, and the index names the places where they begin', () => {
  const list = results(...small(3), LARGE, ...small(1_100));
  const { chunks, index } = rowsOf(list);
  expect(chunks.map(({ body }) => body).join('\n')).toBe(list.map(({ json }) => json).join('\n'));
  const starts = chunks.map((_, at) => chunks.slice(0, at).reduce((sum, { length }) => sum + length, 0));
  const first = index[0]?.length ?? 0;
  const places = index.flatMap(({ domains }, at) =>
    (JSON.parse(domains) as [string, number][]).map(([, place]) => place + at * first),
  );
  expect(places).toEqual(starts);
});

test('a list is written in portions of few results, and of few characters', () => {
  const portions = (list: readonly Result[], from = 0) => [...writtenPortions(list, from)];
  const list = results(...small(2_500));
  expect(portions(list).map(({ length }) => length)).toEqual([1024, 1024, 452]);
  expect(portions(list, 2_499)).toEqual([[list[2_499]]]);
  expect(portions(list, 2_500)).toEqual([]);
  expect(areMany(list.slice(0, 1_025))).toBe(true);
  expect(areMany(list.slice(0, 1_024))).toBe(false);
  const large = results(...Array<string>(15).fill(LARGE));
  expect(portions(large).map(({ length }) => length)).toEqual([10, 5]);
  expect(areMany(large)).toBe(true);
});
