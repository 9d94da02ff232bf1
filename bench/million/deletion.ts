/** Measures the deletion of a large file, and how much it slows the updates of another file. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FILE } from '../support/dataset.js';
import { type Figure, percentile } from '../support/figures.js';
import type { GatewayProcess } from '../support/gateway.js';
import { updateText } from '../support/updates.js';

const PAUSE_MS = 20;
const QUIET_UPDATES = 100;

export async function deletion(gateway: GatewayProcess): Promise<Figure[]> {
  const before: number[] = [];
  for (let n = 0; n < QUIET_UPDATES; n++) before.push(await oneUpdate(gateway, n));

  const startedAt = performance.now();
  const cpu = gateway.cpu;
  let durationMs = 0;
  const deleted = gateway.delete(`/api/files/${FILE}`).then(() => {
    durationMs = performance.now() - startedAt;
  });
  const meanwhile: number[] = [];
  for (let n = QUIET_UPDATES; durationMs === 0; n++) meanwhile.push(await oneUpdate(gateway, n));
  await deleted;
  return [
    { what: 'deletion until nothing is left of it', unit: 's', values: [durationMs / 1000] },
    { what: 'the same, CPU', unit: 's', values: [(gateway.cpu - cpu) / 1000] },
    {
      what: "another file's update while nothing is deleted, longest",
      unit: 'ms',
      values: [Math.max(...before)],
    },
    { what: "another file's update meanwhile, p99", unit: 'ms', values: [percentile(meanwhile, 0.99)] },
    { what: "another file's update meanwhile, longest", unit: 'ms', values: [Math.max(...meanwhile)] },
  ];
}

async function oneUpdate(gateway: GatewayProcess, n: number): Promise<number> {
  await sleep(PAUSE_MS);
  const startedAt = performance.now();
  const spec = { batchId: `other-${n}`, fileId: 'other', first: n * 10, total: 10 };
  await gateway.post('/api/updates', updateText(spec, 10));
  return performance.now() - startedAt;
}
