/** Cross-origin requests: which origins may read answers, and which may change something. */
import { Fault } from '../errors.js';
import { isAllowed, isListed } from '../origins.js';
import type { Step } from './chain.js';
import { isWrite } from './writes-in-flight.js';

const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key',
  'Access-Control-Max-Age': '600',
};

/**
 * Lets the listed origins read answers. No cookies are used, so credentials are never allowed.
 *
 * The gateway reads a body whatever its content type, and browsers send such a request from any page without a preflight.
 * So a write from an origin that is not allowed is refused; withholding the answer would not be enough.
 */
export function cors(origins: readonly string[]): Step {
  const allowsAll = origins.includes('*');
  return (req, res, next) => {
    if (!allowsAll) res.setHeader('Vary', 'Origin');
    const { origin } = req.headers;
    if (origin !== undefined && isListed(origin, origins)) {
      res.setHeader('Access-Control-Allow-Origin', allowsAll ? '*' : origin);
      res.setHeader(
        'Access-Control-Expose-Headers',
        'Content-Disposition, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After',
      );
    } else if (isWrite(req) && !isAllowed(req.headers, origins)) {
      throw new Fault('forbidden', 'CORS_ORIGINS does not list this origin');
    }
    if (origin === undefined) return next();
    if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return next();
    res.writeHead(204, PREFLIGHT).end();
  };
}
