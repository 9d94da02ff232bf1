/**
 * Bundles the dashboard, `public/`, into `dist/public/`: one script and one style sheet, minified. Their names hold a hash of
 * what is in them, so that browsers may keep them for ever; `index.html` names them. Beside each stands the same compressed,
 * harder than there is time for in an answer.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const FROM = 'public';
const TO = join('dist', 'public');
/** What a running gateway has told browsers of is not taken away until it is this old. */
const KEEP_MS = 60 * 60 * 1000;

const { metafile } = await build({
  entryPoints: [join(FROM, 'js/main.js'), join(FROM, 'css/page.css')],
  outdir: join(TO, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  splitting: true,
  charset: 'utf8',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome111', 'firefox114', 'safari16.4'],
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
});

/** @returns {string} the built file's path beside index.html */
function builtFrom(/** @type {string} */ source) {
  const outputs = Object.entries(metafile.outputs);
  const [path] = outputs.find(([, { entryPoint }]) => entryPoint === source) ?? [];
  if (path === undefined) throw new Error(`nothing was built from ${source}`);
  return `assets/${basename(path)}`;
}

for (const path of Object.keys(metafile.outputs))
  writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));

mkdirSync(TO, { recursive: true });
let page = readFileSync(join(FROM, 'index.html'), 'utf8');
for (const source of ['js/main.js', 'css/page.css']) {
  if (!page.includes(`"${source}"`)) throw new Error(`index.html does not name ${source}`);
  page = page.replace(`"${source}"`, `"${builtFrom(`${FROM}/${source}`)}"`);
}
// Last: a page that names a file is not there before that file is.
for (const name of ['favicon.svg', 'favicons']) cpSync(join(FROM, name), join(TO, name), { recursive: true });
writeFileSync(join(TO, 'index.html'), page);

const built = new Set(
  Object.keys(metafile.outputs).flatMap((path) => [basename(path), `${basename(path)}.br`]),
);
for (const name of readdirSync(join(TO, 'assets'))) {
  const path = join(TO, 'assets', name);
  if (!built.has(name) && Date.now() - statSync(path).mtimeMs > KEEP_MS) rmSync(path);
}
