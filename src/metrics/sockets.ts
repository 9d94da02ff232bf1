/** Metrics of sockets and of what they ask for. */
import { Counter, Gauge, type Registry } from 'prom-client';

export const socketMetrics = (registers: Registry[]) => ({
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
  handshakesRefused: new Counter({
    name: 'verigate_handshakes_refused_total',
    help: 'Handshakes of sockets that were refused, by reason: a code, or the variable that refuses.',
    labelNames: ['reason'] as const,
    registers,
  }),
  socketRequests: new Counter({
    name: 'verigate_socket_requests_total',
    help: 'Requests of sockets, by event and outcome: recovered or snapshot for subscribe, ok, or the code of the refusal.',
    labelNames: ['event', 'outcome'] as const,
    registers,
  }),
});
