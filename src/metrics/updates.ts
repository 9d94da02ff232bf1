/** Metrics of updates, from their arrival to the write to sockets. */
import { Counter, Histogram, type Registry } from 'prom-client';

export const updateMetrics = (registers: Registry[]) => ({
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
    help: 'Messages from Redis, looked-up batches and updates over HTTP, by inlet and outcome.',
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
  flushFailures: new Counter({
    name: 'verigate_flush_failures_total',
    help: 'Flushes that failed and are tried again.',
    registers,
  }),
  deliverySeconds: new Histogram({
    name: 'verigate_delivery_seconds',
    help: 'Seconds from the arrival of an update to the write of its change to the last listener, at the gateway that took it in.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  }),
  webhookAttempts: new Counter({
    name: 'verigate_webhook_attempts_total',
    help: 'Attempts to deliver an event to a webhook, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  }),
});
