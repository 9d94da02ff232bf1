import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The tests run from dist/tests/support. */
const DIST = fileURLToPath(new URL('../../', import.meta.url));
/** The product's worker threads, as compiled, below dist/. */
const THREADS = ['src/store/sqlite/thread.js', 'src/lists/thread/thread.js'];

/**
 * Puts each worker thread and what it imports into one file. Tests start a thousand threads, and each starts in two thirds of
 * the time this way. Gateways in processes of their own run what is compiled.
 */
export async function bundleThreads(): Promise<void> {
  await build({
    entryPoints: THREADS.map((thread) => join(DIST, thread)),
    outbase: DIST,
    outdir: join(DIST, 'threads'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
}
