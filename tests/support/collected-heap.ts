/** The memory of a gateway's process after its garbage was collected. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import type { GatewayProcess } from './gateway.js';
import { temporaryDirectory } from './teardown.js';

const PRELOAD = new URL('./collected-heap-preload.js', import.meta.url).href;

/** In bytes. */
export interface Memory {
  readonly heapUsed: number;
  readonly rss: number;
}

/** Settings for `spawnGateway`, and the function that measures the gateway started with them. */
export function collectedHeap(): {
  env: NodeJS.ProcessEnv;
  of(gateway: GatewayProcess): Promise<Memory>;
} {
  const file = join(temporaryDirectory(), 'heap');
  return {
    env: { HEAP_FILE: file, NODE_OPTIONS: `--expose-gc --import=${PRELOAD}` },
    async of({ child }) {
      rmSync(file, { force: true });
      child.kill('SIGUSR2');
      await eventually('the heap was measured', () => existsSync(file));
      return JSON.parse(readFileSync(file, 'utf8')) as Memory;
    },
  };
}
