/** Measures and logs each request under the pattern of its route: its path holds ids, its query may hold addresses. */
import type { Request, RequestHandler } from 'express';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';

export function measureRequests(metrics: Metrics, logger: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    res.once('close', () => {
      const seconds = (performance.now() - startedAt) / 1000;
      const { method } = req;
      const route = patternOf(req, res.statusCode);
      const status = res.writableFinished ? String(res.statusCode) : 'aborted';
      metrics.requests.observe({ method, route, status }, seconds);
      logger.debug({ method, route, status, ms: Math.round(seconds * 1000) }, 'request');
    });
    next();
  };
}

function patternOf(req: Request, status: number): string {
  const route: unknown = req.route;
  if (typeof route === 'object' && route !== null && 'path' in route) return String(route.path);
  return status < 400 ? 'static' : 'unmatched';
}
