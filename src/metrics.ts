/** The gateway's Prometheus metrics. */

import { collectDefaultMetrics, Registry } from 'prom-client';
import { defineMetrics } from './metrics/definitions.js';
import { DeliveryTimes } from './metrics/delivery-times.js';
import { initialise } from './metrics/initial-values.js';

/** Gauges of prom-client that are named like counters, which Prometheus complains of: sums of others by type, which stay. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Each gateway has a registry of its own, so that several can run in one process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const defined = defineMetrics(registry);
  initialise(defined);
  return { registry, ...defined, deliveries: new DeliveryTimes(defined.deliverySeconds) };
}

export type Metrics = ReturnType<typeof createMetrics>;
