/** Metrics of the calls that the gateway answers, and of those that it makes to the servers that it depends on. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The servers as `/readyz` names them, and the validator. */
export type CalledServer = 'database' | 'redis' | 'validator';

export const serverMetrics = (registers: Registry[]) => ({
  dependencyUp: new Gauge({
    name: 'verigate_dependency_up',
    help: 'Whether a probe write at the database or at Redis succeeds (1) or not (0), and the reason why not.',
    labelNames: ['dependency', 'reason'] as const,
    registers,
  }),
  requests: new Histogram({
    name: 'verigate_http_request_seconds',
    help: 'Duration of HTTP requests in seconds, by route and status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  }),
  calls: new Histogram({
    name: 'verigate_dependency_call_seconds',
    help: 'Duration of calls in seconds: of the store and the feed by their operations, of the validator by submission.',
    labelNames: ['dependency', 'call'] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 30],
    registers,
  }),
  slices: new Counter({
    name: 'verigate_slices_total',
    help: 'Slices sent to the validator, by outcome: accepted, later (sent again by itself), refused, lost (uncertain).',
    labelNames: ['outcome'] as const,
    registers,
  }),
  callErrors: new Counter({
    name: 'verigate_dependency_errors_total',
    help: 'Calls of the store, the feed and the validator that failed, by the code of the failure.',
    labelNames: ['dependency', 'reason'] as const,
    registers,
  }),
  build: new Gauge({
    name: 'verigate_build_info',
    help: 'Always 1; its labels say what is running.',
    labelNames: ['version', 'node', 'engine'] as const,
    registers,
  }),
});
