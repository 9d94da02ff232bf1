import type { RequestHandler } from 'express';
import { Fault } from '../errors.js';
import { isAllowed, isListed } from '../origins.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key',
  'Access-Control-Max-Age': '600',
};

/**
 * Lets the listed origins read answers. Cookies play no part, so credentials are never allowed.
 *
 * Bodies are read whatever their content type says, and a page of any origin may send such a request without asking
 * first: so a foreign page's request that would change something is refused, not only kept from reading the answer.
 */
export function cors(origins: readonly string[]): RequestHandler {
  const everyone = origins.includes('*');
  return (req, res, next) => {
    if (!everyone) res.vary('Origin');
    const { origin } = req.headers;
    if (origin === undefined) return next();
    if (isListed(origin, origins)) {
      res.setHeader('Access-Control-Allow-Origin', everyone ? '*' : origin);
      res.setHeader(
        'Access-Control-Expose-Headers',
        'Content-Disposition, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After',
      );
    } else if (!SAFE_METHODS.has(req.method) && !isAllowed(req.headers, origins)) {
      throw new Fault('forbidden', 'CORS_ORIGINS does not list this origin');
    }
    if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return next();
    res.status(204).set(PREFLIGHT).end();
  };
}
