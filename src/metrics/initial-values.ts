/** Counters begin at 0 for every label value that is known in advance: of one that appears at 1, `rate()` misses the first event. */
import { FEEDS } from '../domain/events.js';
import { UPDATE_OUTCOMES } from '../store/store.js';
import { ATTEMPT_OUTCOMES } from '../store/webhooks.js';
import type { CalledServer, defineMetrics } from './definitions.js';

const INLETS = ['http', 'pubsub', 'stream', 'look-up'] as const;
const REFUSED_HANDSHAKES = [
  'CORS_ORIGINS',
  'invalid_request',
  'unauthorized',
  'unavailable',
  'MAX_CONNECTIONS',
  'MAX_CONNECTIONS_PER_ADDRESS',
  'MAX_HANDSHAKES_PER_SECOND',
] as const;
const REFUSED_REQUESTS = [
  'invalid_request',
  'unauthorized',
  'forbidden',
  'too_many_subscriptions',
  'rate_limited',
  'unavailable',
] as const;
const DEPENDENCIES: readonly CalledServer[] = ['database', 'redis', 'validator'];
const SLICE_OUTCOMES = ['accepted', 'later', 'refused', 'lost'] as const;

export function initialise(metrics: ReturnType<typeof defineMetrics>): void {
  for (const outcome of UPDATE_OUTCOMES) metrics.updates.inc({ outcome }, 0);
  for (const outcome of ATTEMPT_OUTCOMES) metrics.webhookAttempts.inc({ outcome }, 0);
  for (const outcome of SLICE_OUTCOMES) metrics.slices.inc({ outcome }, 0);
  for (const inlet of INLETS)
    for (const outcome of [...UPDATE_OUTCOMES, 'dead_letter'])
      metrics.inletMessages.inc({ inlet, outcome }, 0);
  for (const feed of FEEDS) metrics.delivered.inc({ feed }, 0);
  for (const reason of REFUSED_HANDSHAKES) metrics.handshakesRefused.inc({ reason }, 0);
  for (const outcome of ['recovered', 'snapshot', ...REFUSED_REQUESTS])
    metrics.socketRequests.inc({ event: 'subscribe', outcome }, 0);
  for (const dependency of DEPENDENCIES) {
    const reason = dependency === 'validator' ? 'validator_unavailable' : 'unavailable';
    metrics.callErrors.inc({ dependency, reason }, 0);
  }
}
