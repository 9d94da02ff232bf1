/** Metrics of updates, from their arrival to the write to sockets. */
import type { AddMetrics } from './registry.js';

export const updateMetrics = ({ counter, histogram }: AddMetrics) => ({
  updates: counter('verigate_updates_total', 'Updates taken in, by outcome.', 'outcome'),
  conflated: counter(
    'verigate_updates_conflated_total',
    'Updates that a newer update of their batch replaced before they were stored.',
  ),
  inletMessages: counter(
    'verigate_inlet_messages_total',
    'Messages from Redis, looked-up batches and updates over HTTP, by inlet and outcome.',
    'inlet',
    'outcome',
  ),
  flushes: counter('verigate_flushes_total', 'Changes appended to the feeds.'),
  conflicts: counter(
    'verigate_flush_conflicts_total',
    'Flushes that were computed again because another flush had changed the feed.',
  ),
  flushFailures: counter('verigate_flush_failures_total', 'Flushes that failed and are tried again.'),
  deliverySeconds: histogram(
    'verigate_delivery_seconds',
    'Seconds from the arrival of an update to the write of its change to the last listener, at the gateway that took it in.',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ),
  webhookAttempts: counter(
    'verigate_webhook_attempts_total',
    'Attempts to deliver an event to a webhook, by outcome.',
    'outcome',
  ),
});
