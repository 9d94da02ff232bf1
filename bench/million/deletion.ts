/** Measures the deletion of a large file, and how much it slows the updates of another file. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FILE } from '../support/dataset.js';
import { type Figure, median, percentile } from '../support/figures.js';
import type { GatewayProcess } from '../support/gateway.js';
import { updateText } from '../support/updates.js';

/** Senders of the other file's updates, each with a pause between two: some hundred updates while the deletion runs. */
const SENDERS = 2;
const PAUSE_MS = 10;
const QUIET_UPDATES = 200;

export async function deletion(gateway: GatewayProcess): Promise<Figure[]> {
  let sent = 0;
  /** How long each update took; from several senders until `isOver`. */
  const updates = async (isOver: () => boolean): Promise<number[]> => {
    const took: number[] = [];
    const send = async () => {
      while (!isOver()) took.push(await oneUpdate(gateway, sent++));
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    return took;
  };
  const before = await updates(() => sent >= QUIET_UPDATES);

  const startedAt = performance.now();
  const cpu = gateway.cpu;
  let durationMs = 0;
  const deleted = gateway.delete(`/api/files/${FILE}`).then(() => {
    durationMs = performance.now() - startedAt;
  });
  const meanwhile = await updates(() => durationMs > 0);
  await deleted;
  return [
    {
      what: 'deletion until nothing is left of it',
      unit: 's',
      values: [durationMs / 1000],
      goal: { atMost: 3 },
    },
    { what: 'the same, CPU', unit: 's', values: [(gateway.cpu - cpu) / 1000] },
    {
      what: "another file's updates while nothing is deleted: p99",
      unit: 'ms',
      values: [percentile(before, 0.99)],
    },
    { what: "another file's updates meanwhile: answered", unit: '', values: [meanwhile.length] },
    { what: 'the same: time to the answer, median', unit: 'ms', values: [median(meanwhile)] },
    {
      what: 'the same: time to the answer, p99',
      unit: 'ms',
      values: [percentile(meanwhile, 0.99)],
      goal: { atMost: 30 },
    },
    { what: 'the same: longest', unit: 'ms', values: [Math.max(...meanwhile)] },
  ];
}

async function oneUpdate(gateway: GatewayProcess, n: number): Promise<number> {
  await sleep(PAUSE_MS);
  const startedAt = performance.now();
  const spec = { batchId: `other-${n}`, fileId: 'other', first: n * 10, total: 10 };
  await gateway.post('/api/updates', updateText(spec, 10));
  return performance.now() - startedAt;
}
