/** The map for newcomers keeps its promises: the files that it names are there, and each file of src says what it is for. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

/** The tests run from dist/tests/docs. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
/** All other paths are below src. */
const FROM_THE_ROOT = /^(tests|public|docs|bench|demo|scripts)\/|^\.dependency-cruiser\.cjs$/;
const map = ['architecture', 'changing']
  .map((name) => readFileSync(`${root}docs/${name}.md`, 'utf8'))
  .join('\n');

test('names files that are there', () => {
  const paths = [...map.matchAll(/`([\w./-]+\.(?:ts|cjs|js))`/g)].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(50);
  const missing = paths.filter(
    (path) => !existsSync(`${root}${FROM_THE_ROOT.test(path) ? '' : 'src/'}${path}`),
  );
  expect(missing).toEqual([]);
});

test('each file of src begins with a comment', () => {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  expect(files.length).toBeGreaterThan(300);
  const silent = files.filter((path) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(`${root}src/${path}`, 'utf8')));
  expect(silent).toEqual([]);
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
