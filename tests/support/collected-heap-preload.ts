/** Preloaded into a gateway's process: SIGUSR2 collects the garbage and writes what is left, in bytes, to `HEAP_FILE`. */
import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.HEAP_FILE ?? '';

if (isMainThread)
  process.on('SIGUSR2', () => {
    globalThis.gc?.();
    const { heapUsed, rss } = process.memoryUsage();
    writeFileSync(`${file}.new`, JSON.stringify({ heapUsed, rss }));
    renameSync(`${file}.new`, file);
  });
