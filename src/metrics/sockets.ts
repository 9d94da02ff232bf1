/** Metrics of sockets and of what they ask for. */
import type { AddMetrics } from './registry.js';

export const socketMetrics = ({ counter, gauge }: AddMetrics) => ({
  delivered: counter('verigate_events_delivered_total', 'Events sent to sockets, by feed.', 'feed'),
  sockets: gauge('verigate_sockets', 'Connected sockets.'),
  subscriptions: gauge('verigate_subscriptions', 'Files that sockets are subscribed to, summed.'),
  slowConsumers: counter('verigate_slow_consumers_total', 'Sockets disconnected because they did not read.'),
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
});
