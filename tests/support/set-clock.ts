/** A gateway whose wall clock a test may set. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './teardown.js';

const PRELOAD = new URL('./set-clock-preload.js', import.meta.url).href;

/** Settings for `spawnGateway`, and the function that sets its clock to so many milliseconds off the real time. */
export function settableClock(): { env: NodeJS.ProcessEnv; set(offMs: number): void } {
  const path = join(temporaryDirectory(), 'clock');
  const set = (offMs: number) => {
    writeFileSync(`${path}.new`, String(offMs));
    renameSync(`${path}.new`, path);
  };
  set(0);
  return { env: { CLOCK_FILE: path, NODE_OPTIONS: `--import=${PRELOAD}` }, set };
}
