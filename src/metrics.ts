import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { HeldCounts } from './store/store.js';

/** The gateway's own figures, one registry a gateway so that several can live in one process. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    updates: new Counter({
      name: 'verigate_updates_total',
      help: 'Updates taken in, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    conflated: new Counter({
      name: 'verigate_updates_conflated_total',
      help: 'Updates that a newer one of their batch overtook before they were stored.',
      registers,
    }),
    inletMessages: new Counter({
      name: 'verigate_inlet_messages_total',
      help: 'Messages from Redis and looked-up batches, by inlet and by what became of them.',
      labelNames: ['inlet', 'outcome'] as const,
      registers,
    }),
    flushes: new Counter({
      name: 'verigate_flushes_total',
      help: 'Changes appended to the feeds.',
      registers,
    }),
    conflicts: new Counter({
      name: 'verigate_flush_conflicts_total',
      help: 'Flushes that had to be recomputed because the feed had moved on.',
      registers,
    }),
    delivered: new Counter({
      name: 'verigate_events_delivered_total',
      help: 'Events handed to sockets, by feed.',
      labelNames: ['feed'] as const,
      registers,
    }),
    sockets: new Gauge({ name: 'verigate_sockets', help: 'Connected sockets.', registers }),
    subscriptions: new Gauge({
      name: 'verigate_subscriptions',
      help: 'Files that sockets are subscribed to, summed.',
      registers,
    }),
    slowConsumers: new Counter({
      name: 'verigate_slow_consumers_total',
      help: 'Sockets cut off because they did not read.',
      registers,
    }),
    requests: new Histogram({
      name: 'verigate_http_request_seconds',
      help: 'Duration of HTTP requests, by route and status.',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
  };
}

/** Figures of what is held, asked for whenever somebody reads the metrics. */
export function measureHeld({ registry }: Metrics, held: () => Promise<HeldCounts>): void {
  let asked: Promise<HeldCounts | null> | null = null;
  /** Once for all three. Without the store the other figures are still worth reading. */
  const ask = () => {
    asked ??= held()
      .catch(() => null)
      .finally(() => {
        asked = null;
      });
    return asked;
  };
  const measured = (figure: keyof HeldCounts, help: string) => {
    const gauge = new Gauge({
      name: `verigate_held_${figure}`,
      help,
      registers: [registry],
      async collect() {
        const standing = await ask();
        if (standing !== null) gauge.set(standing[figure]);
      },
    });
  };
  measured('updates', 'Updates held for batches that nobody has registered.');
  measured('bytes', 'Bytes of the held updates.');
  measured('dropped', 'Held updates dropped since the start: their time was over, or there was no room.');
}

export type Metrics = ReturnType<typeof createMetrics>;
