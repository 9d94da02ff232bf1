/** Metrics of the calls that the gateway answers, and of those that it makes to the servers that it depends on. */
import type { AddMetrics } from './registry.js';

/** The servers as `/readyz` names them, and the validator. */
export type CalledServer = 'database' | 'redis' | 'validator';

export const serverMetrics = ({ counter, gauge, histogram }: AddMetrics) => ({
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
});
