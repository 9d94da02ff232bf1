/** The map for newcomers: every file that it names is there, and its glossary has each word once. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

/** The tests run from dist/tests/docs. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const map = readFileSync(`${root}docs/architecture.md`, 'utf8');

test('names files that are there', () => {
  const paths = [...map.matchAll(/`([\w./-]+\.(?:ts|cjs|js))`/g)].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(50);
  const missing = paths.filter((path) => !['', 'src/'].some((folder) => existsSync(root + folder + path)));
  expect(missing).toEqual([]);
});

test('links to documents that are there', () => {
  const links = [...map.matchAll(/\]\(([\w./-]+)\)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !existsSync(`${root}docs/${link}`))).toEqual([]);
});

test('explains each word once', () => {
  const glossary = map.split(/^## /m).find((section) => section.startsWith('Words')) ?? '';
  const words = [...glossary.matchAll(/^\| ([a-z][\w, -]+) \|/gm)].flatMap(([, cell = '']) =>
    cell.split(', '),
  );
  expect(words.length).toBeGreaterThan(20);
  expect(new Set(words).size).toBe(words.length);
});
