/**
 * Compiles into dist/ and says how that goes. What a running gateway serves from dist/ stays there meanwhile: only what has
 * changed is written, and only files that have no source any more are removed.
 */

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const OUT = 'dist';
const ROOMS = ['src', 'demo', 'examples', 'tests', 'bench'];
/** What the compiler remembers of its last run. It writes nothing that it believes to be there already. */
const MEMORY = join(OUT, '.tsbuildinfo');
const STILL_EVERY_MS = 10_000;

const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`);

/** @returns {string[]} the files below a folder, by their paths */
function filesBelow(/** @type {string} */ folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const sourceOf = (/** @type {string} */ output) =>
  output.slice(OUT.length + 1).replace(/\.js(\.map)?$/, '.ts');
const outputOf = (/** @type {string} */ source) => join(OUT, source.replace(/\.ts$/, '.js'));

/** @returns {string[]} nothing where a build that was cut off has left the memory unreadable */
function rememberedSources() {
  try {
    const { fileNames } = JSON.parse(readFileSync(MEMORY, 'utf8'));
    return fileNames.map((/** @type {string} */ name) => join(OUT, name));
  } catch {
    rmSync(MEMORY);
    return [];
  }
}

/** Where an output is missing, the compiler has to forget that it has written it. A new source it does not know yet. */
function forgetWhatIsMissing() {
  if (!existsSync(MEMORY)) return;
  const known = new Set(rememberedSources());
  const sources = ROOMS.flatMap(filesBelow).filter((path) => /(?<!\.d)\.ts$/.test(path));
  const isMissing = (/** @type {string} */ source) => known.has(source) && !existsSync(outputOf(source));
  if (sources.some(isMissing)) rmSync(MEMORY);
}

/** A test whose source is gone must not be run, and a module that is gone must not be found. */
function removeStale() {
  const outputs = ROOMS.flatMap((room) => filesBelow(join(OUT, room)));
  const stale = outputs.filter((path) => /\.js(\.map)?$/.test(path) && !existsSync(sourceOf(path)));
  for (const path of stale) rmSync(path, { force: true });
}

/** @returns {Promise<number>} the compiler's exit code */
function compile() {
  const compiler = createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
  const child = spawn(process.execPath, [compiler, '-p', 'tsconfig.json'], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const isFirst = !existsSync(MEMORY);
const startedAt = performance.now();
const seconds = () => Math.round((performance.now() - startedAt) / 1000);
say(isFirst ? 'Compiling; the first time takes up to a minute.' : 'Compiling what has changed.');
const still = setInterval(() => say(`Still compiling, ${seconds()} s.`), STILL_EVERY_MS);
forgetWhatIsMissing();
const code = await compile();
if (code === 0) await import('./build-page.js');
clearInterval(still);
if (code === 0) {
  removeStale();
  say(`Compiled in ${seconds()} s.`);
}
process.exitCode = code;
