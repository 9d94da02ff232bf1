/** Measures and logs each request under the pattern of its route: its path holds ids, its query may hold addresses. */
import type { IncomingMessage } from 'node:http';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Step } from './chain.js';

export function measureRequests(metrics: Metrics, logger: Logger): Step {
  return (req, res, next) => {
    const startedAt = performance.now();
    res.once('close', () => {
      const seconds = (performance.now() - startedAt) / 1000;
      const { method = '' } = req;
      const route = patternOf(req, res.statusCode);
      const status = res.writableFinished ? String(res.statusCode) : 'aborted';
      metrics.requests.observe({ method, route, status }, seconds);
      logger.debug({ method, route, status, ms: Math.round(seconds * 1000) }, 'request');
    });
    next();
  };
}

/** As Express leaves it on the requests that have reached a route. */
interface Routed {
  route?: unknown;
}

/** Names the route of a request that no router has found it for. */
export const routedAs =
  (path: string): Step =>
  (req: IncomingMessage & Routed, _res, next) => {
    req.route = { path };
    next();
  };

function patternOf({ route }: IncomingMessage & Routed, status: number): string {
  if (typeof route === 'object' && route !== null && 'path' in route) return String(route.path);
  return status < 400 ? 'static' : 'unmatched';
}
