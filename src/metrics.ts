/** The gateway's Prometheus metrics. */

import { collectDefaultMetrics, Registry } from 'prom-client';
import { DeliveryTimes } from './metrics/delivery-times.js';
import { initialise } from './metrics/initial-values.js';
import { serverMetrics } from './metrics/servers.js';
import { socketMetrics } from './metrics/sockets.js';
import { updateMetrics } from './metrics/updates.js';

/** Each gateway has a registry of its own, so that several can run in one process. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
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
