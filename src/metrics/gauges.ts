/** Gauges whose values are read whenever the metrics are requested. Where that fails they keep their last values. */
import { Counter, Gauge } from 'prom-client';
import type { StreamBacklog } from '../inlet/inlet.js';
import type { Metrics } from '../metrics.js';
import type { HeldCounts } from '../store/store.js';

export function addGauge({ registry }: Metrics, name: string, help: string, read: () => number): void {
  const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
}

/** One read for several gauges. */
function shared<T>(read: () => Promise<T>): () => Promise<T | null> {
  let reading: Promise<T | null> | null = null;
  return () => {
    reading ??= read()
      .catch(() => null)
      .finally(() => {
        reading = null;
      });
    return reading;
  };
}

export function measureHeld({ registry }: Metrics, heldCounts: () => Promise<HeldCounts>): void {
  const registers = [registry];
  const read = shared(heldCounts);
  const add = (count: 'updates' | 'bytes', help: string) => {
    const gauge = new Gauge({
      name: `verigate_held_${count}`,
      help,
      registers,
      async collect() {
        const counts = await read();
        if (counts !== null) gauge.set(counts[count]);
      },
    });
  };
  add('updates', 'Updates held for batches that are not registered.');
  add('bytes', 'Bytes of the held updates.');
  const dropped = new Counter({
    name: 'verigate_held_dropped_total',
    help: 'Held updates dropped since the start: expired, or beyond the byte limit.',
    registers,
    async collect() {
      const counts = await read();
      if (counts === null) return;
      dropped.reset();
      dropped.inc(counts.dropped);
    },
  });
}

export function measureStreams(
  { registry }: Metrics,
  backlogs: () => Promise<readonly StreamBacklog[]>,
): void {
  const read = shared(backlogs);
  const add = (count: 'lag' | 'pending', help: string) => {
    const gauge = new Gauge({
      name: `verigate_stream_${count}`,
      help,
      labelNames: ['stream'],
      registers: [registry],
      async collect() {
        for (const { stream, [count]: value } of (await read()) ?? [])
          if (value !== null) gauge.set({ stream }, value);
      },
    });
  };
  add('lag', 'Entries of a Redis Stream that no gateway has read yet.');
  add('pending', 'Entries of a Redis Stream that a gateway has read and not stored yet.');
}
