import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.js';
import { MONGO_FAULTS, REDIS_FAULTS, type ServerFault } from '../cluster/faults.js';
import { SQLITE_FAULTS } from '../e2e/embedded-faults.js';

const page = readFileSync('docs/operations.md', 'utf8');

test('the operations page says for each of our metrics when to act', () => {
  const names = createMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('verigate_'));
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(page).toMatch(new RegExp(`^\\| \`${name}\``, 'm'));
});

test('the operations page links only to files that exist', () => {
  const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(0);
  for (const path of links)
    expect(() => readFileSync(`docs/${path}`)).not.toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

/** The rows of the table of faults, by their first cell. */
const rows = new Map(
  page
    .split('\n')
    .filter((line) => /^\| (Redis|MongoDB|SQLite): /.test(line))
    .map((line) => line.slice(2, -2).split(' | '))
    .map(([fault = '', ...cells]) => [fault, cells] as const),
);

test.each([
  ['Redis', REDIS_FAULTS],
  ['MongoDB', MONGO_FAULTS],
  ['SQLite', SQLITE_FAULTS],
] as const)('the table says of each fault of %s what its test sees', (server, faults) => {
  for (const { title, named, reason, codes } of faults as readonly ServerFault<never>[]) {
    const told = codes.map((code) => `\`${code}\``).join(', ');
    expect(rows.get(`${server}: ${title}`)?.slice(0, 3)).toEqual([`\`${named}\``, `\`${reason}\``, told]);
  }
});

test('each row of the table of faults is made by a test, which it names', () => {
  const made = new Set(
    Object.entries({ Redis: REDIS_FAULTS, MongoDB: MONGO_FAULTS, SQLite: SQLITE_FAULTS }).flatMap(
      ([server, faults]) => faults.map(({ title }) => `${server}: ${title}`),
    ),
  );
  expect(rows.size).toBeGreaterThan(30);
  for (const [fault, cells] of rows) {
    const [seen = '', lost = '', heals = '', test = ''] = cells.slice(3);
    expect([fault, cells.length]).toEqual([fault, 7]);
    for (const cell of [seen, lost, heals]) expect(cell).not.toBe('');
    const [, file = '', title] = /^`(tests\/\S+)`(?:: (.+))?/.exec(test) ?? [];
    // A row that is not made by the list of faults names a title, which is in the file.
    const isMade = title === undefined ? made.has(fault) : readFileSync(file, 'utf8').includes(title);
    expect([fault, file !== '' && isMade]).toEqual([fault, true]);
  }
});
