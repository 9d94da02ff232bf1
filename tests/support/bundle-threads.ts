import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/**
 * Puts the thread of SQLite, as compiled, and what it imports into one file. Tests start a thousand of them, and each costs two
 * thirds this way. Gateways in processes of their own run what is compiled.
 */
export async function bundleThreads(): Promise<void> {
  await build({
    entryPoints: [pathOf('src/store/sqlite/thread/thread.js')],
    outfile: pathOf('threads/sqlite.cjs'),
    bundle: true,
    platform: 'node',
    // Needs no loader of ES modules in each thread.
    format: 'cjs',
    packages: 'external',
    logLevel: 'warning',
  });
}
