/** Every metric of the gateway but those that are read when they are asked for (gauges.ts): name, help, buckets, labels. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The servers as `/readyz` names them, and the validator. */
export type CalledServer = 'database' | 'redis' | 'validator';

export function defineMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: L[]
  ): Histogram<L> => new Histogram({ name, help, buckets, labelNames, registers });
  return {
    // Updates, from their arrival to the write to sockets.
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
    // Sockets, and what they ask for.
    delivered: counter('verigate_events_delivered_total', 'Events sent to sockets, by feed.', 'feed'),
    sockets: gauge('verigate_sockets', 'Connected sockets.'),
    subscriptions: gauge('verigate_subscriptions', 'Files that sockets are subscribed to, summed.'),
    slowConsumers: counter(
      'verigate_slow_consumers_total',
      'Sockets disconnected because they did not read.',
    ),
    handshakesRefused: counter(
      'verigate_handshakes_refused_total',
      'Handshakes of sockets that were refused, by reason: a code, or the variable that refuses.',
      'reason',
    ),
    socketRequests: counter(
      'verigate_socket_requests_total',
      'Requests of sockets, by event and outcome: recovered or snapshot for subscribe, ok, or the code of the refusal.',
      'event',
      'outcome',
    ),
    // Calls that the gateway answers, and those that it makes to the servers that it depends on.
    dependencyUp: gauge(
      'verigate_dependency_up',
      'Whether a probe write at the database or at Redis succeeds (1) or not (0), and the reason why not.',
      'dependency',
      'reason',
    ),
    requests: histogram(
      'verigate_http_request_seconds',
      'Duration of HTTP requests in seconds, by route and status.',
      [0.005, 0.02, 0.1, 0.5, 2, 10],
      'method',
      'route',
      'status',
    ),
    calls: histogram(
      'verigate_dependency_call_seconds',
      'Duration of calls in seconds: of the store and the feed by their operations, of the validator by submission.',
      [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 30],
      'dependency',
      'call',
    ),
    slices: counter(
      'verigate_slices_total',
      'Slices sent to the validator, by outcome: accepted, later (sent again by itself), refused, lost (uncertain).',
      'outcome',
    ),
    callErrors: counter(
      'verigate_dependency_errors_total',
      'Calls of the store, the feed and the validator that failed, by the code of the failure.',
      'dependency',
      'reason',
    ),
    build: gauge(
      'verigate_build_info',
      'Always 1; its labels say what is running.',
      'version',
      'node',
      'engine',
    ),
  };
}
