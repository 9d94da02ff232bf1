import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.js';

const page = readFileSync('docs/operations.md', 'utf8');

test("the operations page explains each of the gateway's metrics", () => {
  const names = createMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('verigate_'));
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(page).toMatch(new RegExp(`^\\| \`${name}\``, 'm'));
});

test('the operations page links to no missing file', () => {
  const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(0);
  for (const path of links)
    expect(() => readFileSync(`docs/${path}`)).not.toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
