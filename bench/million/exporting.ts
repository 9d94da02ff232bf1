/** Measures exports of a large file. */
import { FILE } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import type { GatewayProcess } from '../support/gateway.js';
import { forgetPeak } from '../support/usage.js';
import { MEGABYTES } from './serving.js';

const ROUNDS = 3;
const SAMPLE_MS = 100;

export async function exporting(gateway: GatewayProcess, format: 'ndjson' | 'csv'): Promise<Figure[]> {
  const rate: number[] = [];
  const cpu: number[] = [];
  const rss: number[] = [];
  forgetPeak(gateway.pid);
  for (let round = 0; round < ROUNDS; round++) {
    const [startedAt, before] = [performance.now(), gateway.cpu];
    let sampledAt = 0;
    const { lines } = await gateway.download(`/api/files/${FILE}/export?format=${format}`, () => {
      if (performance.now() - sampledAt < SAMPLE_MS) return;
      sampledAt = performance.now();
      rss.push(gateway.memory.rss);
    });
    if (lines < 1_000_000) throw new Error(`the export had ${lines} lines`);
    rate.push((lines / (performance.now() - startedAt)) * 1000);
    cpu.push(((gateway.cpu - before) / lines) * 1000);
  }
  const what = `export as ${format}`;
  return [
    { what, unit: 'rows/s', values: rate, goal: { atLeast: 100_000 } },
    { what: `${what}, CPU for a row`, unit: 'µs', values: cpu },
    { what: `${what}, resident meanwhile`, unit: 'MB', values: rss },
    { what: `${what}, most resident meanwhile`, unit: 'MB', values: [gateway.memory.peak], goal: MEGABYTES },
  ];
}
