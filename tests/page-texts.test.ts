/** The texts of the dashboard: the same in each language, and nowhere else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

const PAGE = 'public/js';
const load = (path: string): Promise<Record<string, unknown>> =>
  import(pathToFileURL(resolve(PAGE, path)).href) as Promise<Record<string, unknown>>;

type Texts = { [key: string]: string | ((...values: unknown[]) => string) | Texts };
const format = await load('format.js');
const languages = readdirSync(join(PAGE, 'texts')).map((name) => name.replace('.js', ''));
const texts = Object.fromEntries(
  await Promise.all(
    languages.map(async (name) => {
      const module = await load(`texts/${name}.js`);
      return [name, (module[name] as (tools: unknown) => Texts)(format)] as const;
    }),
  ),
);

/** Each text by its path, with what it takes. */
function shapeOf(part: Texts, path = ''): string[] {
  return Object.entries(part).flatMap(([key, value]) => {
    const here = `${path}.${key}`;
    if (typeof value === 'string') return [`${here}: text`];
    return typeof value === 'function' ? [`${here}: of ${value.length}`] : shapeOf(value, here);
  });
}

describe('the texts of the page', () => {
  test('are the same ones in each language', () => {
    expect(languages.sort()).toEqual(['de', 'en']);
    const english = shapeOf(texts.en as Texts).sort();
    expect(english.length).toBeGreaterThan(200);
    for (const name of languages)
      expect([name, shapeOf(texts[name] as Texts).sort()]).toEqual([name, english]);
  });

  test('are translated, but for a few', () => {
    const same = Object.entries(flat(texts.en as Texts)).filter(
      ([key, text]) => flat(texts.de as Texts)[key] === text,
    );
    const known = ['CSV', 'Domain', 'Domains', 'Live', 'Name', 'No-reply', 'Text', 'URL', 'Webhook', '–'];
    expect(same.filter(([, text]) => !known.includes(text))).toEqual([]);
  });

  test('in index.html are the English ones', () => {
    const { shell } = texts.en as { shell: Record<string, string> };
    const html = readFileSync('public/index.html', 'utf8');
    const marked = [...html.matchAll(/data-text="(\w+)">([^<]+)</g)].map(([, key, text]) => [key, text]);
    const labels = [...html.matchAll(/aria-label="([^"]+)" data-label="(\w+)"/g)].map(([, text, key]) => [
      key,
      text,
    ]);
    expect(marked.length + labels.length).toBe(5);
    for (const [key, text] of [...marked, ...labels]) expect([key, shell[key ?? '']]).toEqual([key, text]);
  });

  test('stand nowhere else', () => {
    const files = readdirSync(PAGE, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.js') && !path.startsWith('texts/'),
    );
    expect(files.length).toBeGreaterThan(40);
    expect(files.flatMap((path) => textsIn(path))).toEqual([]);
  });
});

function flat(part: Texts, path = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(part).flatMap(([key, value]) =>
      typeof value === 'string'
        ? [[`${path}.${key}`, value]]
        : typeof value === 'object'
          ? Object.entries(flat(value, `${path}.${key}`))
          : [],
    ),
  );
}

/** What people see: a literal as one of these properties. */
const SHOWN = new Set(['text', 'title', 'aria-label', 'placeholder', 'alt', 'confirm', 'detail']);
/** Names that look like words: of keys, events, errors, headers, languages, units. */
const NAMES =
  /^(Escape|Arrow\w+|Home|End|AbortError|Bearer |Notification|GET|POST|DELETE|Files|Windows-1252|English|Deutsch|Verigate|[A-Z]{2,5})$/;
/** Examples of addresses and the like. */
const EXAMPLE =
  /^(\W*|jane@example\.com\njohn@example\.org|https:\/\/example\.com\/hooks\/verigate|eyJ…|0|50|100)$/;
const isWords = (text: string) => /^[A-ZÄÖÜ][a-zäöü]+/.test(text) || /[a-z]{2,} [a-z]{2,}.*[.!?…]/.test(text);

/** The literals in a file that are texts. */
function textsIn(path: string): string[] {
  const source = ts.createSourceFile(
    path,
    readFileSync(join(PAGE, path), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: string[] = [];
  const isShown = ({ parent }: ts.Node) =>
    ts.isPropertyAssignment(parent) && SHOWN.has(parent.name.getText(source).replaceAll("'", ''));
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateHead(node)) {
      const { text } = node;
      const isKey = () => ts.isPropertyAssignment(node.parent) && node.parent.name === node;
      const isImport = ts.isImportDeclaration(node.parent);
      if (
        !isImport &&
        !NAMES.test(text) &&
        !EXAMPLE.test(text) &&
        (isShown(node) || isWords(text)) &&
        !isKey()
      )
        found.push(`${path}: ${text}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test('two addresses that differ look so', async () => {
  const { plain } = (await load('text.js')) as { plain: (text: string) => string };
  const shown = plain('jane@example.com');
  const alike: string[] = [];
  const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]/u;
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (invisible.test(character) && plain(`jane${character}@example.com`).includes(character))
      alike.push(code.toString(16));
  }
  expect(alike).toEqual([]);
  expect(shown).toBe('jane@example.com');
});

test('a text that no browser draws in time, or that is none, is shown all the same', async () => {
  const { plain } = (await load('text.js')) as { plain: (text: unknown) => string };
  const { reasonOf } = (await load('texts.js')) as { reasonOf: (text: unknown) => string };
  const letter = `a${'\u0301'.repeat(30)}`;
  expect(plain(`${letter}\u0301b`)).toBe(`${letter}[U+0301]b`);
  expect(plain(letter.repeat(3))).toBe(letter.repeat(3));
  const noText = { toString: 1 };
  expect([plain(noText), reasonOf(noText), plain([noText])]).toEqual([
    '{"toString":1}',
    '{"toString":1}',
    '[{"toString":1}]',
  ]);
});
