/** Makes the bundles: starting one costs half of what loading the compiled modules does. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { COMMAND_LINE, GATEWAY, THREAD } from './bundles.js';

/** A bundled module finds what is beside it as before; the thread that it starts is a bundle itself. */
const places: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/src\/.*\.js$/ }, async ({ path }) => {
      const place = JSON.stringify(pathToFileURL(path).href);
      const text = (await readFile(path, 'utf8')).replaceAll('import.meta.url', place);
      const startsThread = join(dirname(path), 'thread.js') === THREAD.compiled;
      const thread = JSON.stringify(pathToFileURL(THREAD.bundle).href);
      return { contents: startsThread ? text.replace("'./thread.js'", thread) : text };
    });
  },
};

/** SQLite's driver asks in each thread which system this is, which takes a tenth of the thread's start: it is told. */
const driver: Plugin = {
  name: 'driver',
  setup({ onResolve, onLoad }) {
    const require = createRequire(createRequire(import.meta.url).resolve('libsql'));
    const { currentTarget } = require('@neon-rs/load') as { currentTarget(): string };
    const { familySync, GLIBC, MUSL } = require('detect-libc') as {
      familySync(): string;
      GLIBC: string;
      MUSL: string;
    };
    const known: Readonly<Record<string, string>> = {
      '@neon-rs/load': `exports.currentTarget = () => ${JSON.stringify(currentTarget())};`,
      'detect-libc': `module.exports = { ...${JSON.stringify({ GLIBC, MUSL })}, familySync: () => ${JSON.stringify(familySync())} };`,
    };
    onResolve({ filter: /^(@neon-rs\/load|detect-libc)$/ }, ({ path }) => ({ path, namespace: 'known' }));
    onLoad({ filter: /.*/, namespace: 'known' }, ({ path }) => ({ contents: known[path] ?? '' }));
  },
};

const COMMON: BuildOptions = {
  bundle: true,
  platform: 'node',
  plugins: [places, driver],
  logLevel: 'warning',
};
/** Packages that are CommonJS require what they need, which modules cannot do by themselves. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

/** Puts the gateway, the thread of SQLite and the command line, as compiled, and what they import into a file each. */
export async function makeBundles(): Promise<void> {
  await Promise.all([
    ...[GATEWAY, THREAD].map(({ compiled, bundle }) =>
      // CommonJS needs no loader of ES modules in each thread.
      build({ ...COMMON, entryPoints: [compiled], outfile: bundle, format: 'cjs' }),
    ),
    build({
      ...COMMON,
      entryPoints: [COMMAND_LINE.compiled],
      outdir: dirname(COMMAND_LINE.bundle),
      format: 'esm',
      // What only some commands need is loaded by them, as before.
      splitting: true,
      banner: { js: REQUIRE },
    }),
  ]);
  const gateway = await readFile(GATEWAY.bundle, 'utf8');
  if (!gateway.includes(pathToFileURL(THREAD.bundle).href))
    throw new Error('the bundled gateway does not start the bundled thread: the source names it otherwise');
}
