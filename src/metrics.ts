/** The gateway's Prometheus metrics. */

import { collectDefaultMetrics, Registry } from 'prom-client';
import { DeliveryTimes } from './metrics/delivery-times.js';
import { initialise } from './metrics/initial-values.js';
import { serverMetrics } from './metrics/servers.js';
import { socketMetrics } from './metrics/sockets.js';
import { updateMetrics } from './metrics/updates.js';

/** Gauges of prom-client that are named like counters, which Prometheus complains of: sums of others by type, which stay. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Each gateway has a registry of its own, so that several can run in one process. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const updates = updateMetrics(registers);
  const metrics = {
    registry,
    ...updates,
    ...socketMetrics(registers),
    ...serverMetrics(registers),
    deliveries: new DeliveryTimes(updates.deliverySeconds),
  };
  initialise(metrics);
  return metrics;
}

export type Metrics = ReturnType<typeof createMetrics>;
