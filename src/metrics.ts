/** The gateway's Prometheus metrics. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { HeldCounts } from './store/store.js';

/** Each gateway has a registry of its own, so that several can run in one process. */
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
      help: 'Updates that a newer update of their batch replaced before they were stored.',
      registers,
    }),
    inletMessages: new Counter({
      name: 'verigate_inlet_messages_total',
      help: 'Messages from Redis and looked-up batches, by inlet and outcome.',
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
      help: 'Flushes that were computed again because another flush had changed the feed.',
      registers,
    }),
    delivered: new Counter({
      name: 'verigate_events_delivered_total',
      help: 'Events sent to sockets, by feed.',
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
      help: 'Sockets disconnected because they did not read.',
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'verigate_webhook_attempts_total',
      help: 'Attempts to deliver an event to a webhook, by outcome.',
      labelNames: ['outcome'] as const,
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

/** Adds gauges of the held updates, whose counts are read from the store whenever the metrics are requested. */
export function measureHeld({ registry }: Metrics, heldCounts: () => Promise<HeldCounts>): void {
  let reading: Promise<HeldCounts | null> | null = null;
  /** One read for all three gauges. Without the store they keep their values, and the other metrics are still answered. */
  const read = () => {
    reading ??= heldCounts()
      .catch(() => null)
      .finally(() => {
        reading = null;
      });
    return reading;
  };
  const addGauge = (count: keyof HeldCounts, help: string) => {
    const gauge = new Gauge({
      name: `verigate_held_${count}`,
      help,
      registers: [registry],
      async collect() {
        const counts = await read();
        if (counts !== null) gauge.set(counts[count]);
      },
    });
  };
  addGauge('updates', 'Updates held for batches that are not registered.');
  addGauge('bytes', 'Bytes of the held updates.');
  addGauge('dropped', 'Held updates dropped since the start: expired, or beyond the byte limit.');
}

export type Metrics = ReturnType<typeof createMetrics>;
