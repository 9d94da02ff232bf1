/** How a list is cut into rows: a page reads whole chunks, so none is much larger than a result of it. */
import { expect, test } from '@jest/globals';
import { textLines } from '../../src/domain/result.js';
import { rowsInTurns, rowsOf } from '../../src/store/sqlite/results/results.js';
import { Turns } from '../support/turns.js';
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

test('a long list leaves turns to others, and becomes the same rows', async () => {
  const list = results(...small(60_000));
  const turns = new Turns();
  const rows = await rowsInTurns(list, textLines(list));
  expect(turns.count).toBeGreaterThan(3);
  expect(rows).toEqual(rowsOf(list));
});
