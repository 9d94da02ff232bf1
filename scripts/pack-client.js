/**
 * Makes the tarball of @verigate/client from src/client/: `node scripts/pack-client.js [FOLDER]` (the folder for the
 * tarball; default: dist). Of the gateway's own code it has the types alone.
 */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PEERS = ['react', 'socket.io-client'];
const ENTRIES = ['client/index', 'client/react'];

const target = resolve(process.argv[2] ?? join(ROOT, 'dist'));
const work = mkdtempSync(join(tmpdir(), 'verigate-client-'));

/** @returns {string[]} what a module imports, as it is written there */
const importsOf = (/** @type {string} */ path) =>
  [...readFileSync(path, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) =>
    String(name),
  );

/** @returns {string[]} the files that the entries need; a package that is no peer is an error */
function needed(/** @type {string} */ folder, /** @type {string} */ extension) {
  const found = new Set();
  const waiting = ENTRIES.map((entry) => join(folder, `${entry}${extension}`));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    for (const name of importsOf(path)) {
      if (name.startsWith('.')) waiting.push(join(dirname(path), name.replace(/\.js$/, extension)));
      else if (!PEERS.includes(name)) throw new Error(`${relative(folder, path)} needs ${name}`);
    }
  }
  return [...found];
}

function manifest() {
  const { version, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const entry = (/** @type {string} */ name) => ({
    types: `./client/${name}.d.ts`,
    default: `./client/${name}.js`,
  });
  return {
    name: '@verigate/client',
    version,
    description: 'Follows the results of an email validation live, without missing one',
    license,
    type: 'module',
    sideEffects: false,
    exports: { '.': entry('index'), './react': entry('react'), './package.json': './package.json' },
    peerDependencies: { react: '>=18', 'socket.io-client': '^4.7.0' },
    peerDependenciesMeta: { react: { optional: true } },
  };
}

try {
  const compiled = join(work, 'compiled');
  const tsc = createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
  const options = ['-p', join(ROOT, 'tsconfig.client.json'), '--outDir', compiled];
  execFileSync(process.execPath, [tsc, ...options], { stdio: ['ignore', 2, 2] });
  const folder = join(work, 'package');
  for (const path of [...needed(compiled, '.js'), ...needed(compiled, '.d.ts')]) {
    const to = join(folder, relative(compiled, path));
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(path, to);
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
  copyFileSync(join(ROOT, 'src/client/README.md'), join(folder, 'README.md'));
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  mkdirSync(target, { recursive: true });
  const packed = execFileSync(
    'npm',
    ['pack', '--json', '--offline', '--no-update-notifier', '--pack-destination', target],
    {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  process.stdout.write(`${join(target, JSON.parse(packed)[0].filename)}\n`);
} finally {
  rmSync(work, { recursive: true });
}
