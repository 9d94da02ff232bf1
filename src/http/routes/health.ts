/** Health and metrics: the pages that operators and load balancers read. */
import type { Express, Request } from 'express';
import { Fault } from '../../errors.js';
import { watchHealth } from '../../health/checks.js';
import { isLoopbackHost } from '../../hosts.js';
import { bearerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { sendJson } from '../responses.js';

export function healthRoutes(
  app: Express,
  { guard, readiness, refusals, checks, metrics }: HttpDependencies,
): void {
  const details = () => {
    const dependencies = refusals();
    return Object.keys(dependencies).length === 0 ? {} : { dependencies };
  };
  const failedChecks = watchHealth(checks);
  app.get('/livez', (_req, res) => {
    res.setHeader('Cache-Control', 'no-store');
    sendJson(res, '{"status":"ok"}');
  });

  app.get('/readyz', async (_req, res) => {
    const reasons = [...new Set([...readiness(), ...(await failedChecks())])];
    res.setHeader('Cache-Control', 'no-store');
    if (reasons.length === 0) return sendJson(res, '{"status":"ok"}');
    res.setHeader('Retry-After', '1');
    sendJson(res, JSON.stringify({ status: 'unavailable', reasons, ...details() }), 503);
  });

  app.get('/metrics', async (req, res) => {
    // Without tokens the Host was looked at before.
    if (!isLocal(req) || !(guard.isOpen || isLoopbackHost(req.headers.host))) {
      if (guard.isOpen) throw new Fault('forbidden', 'metrics are available over loopback only');
      await guard.authorize(await guard.authenticate(bearerOf(req)), 'administer');
    }
    const text = await metrics.registry.metrics();
    res.setHeader('Content-Type', metrics.registry.contentType);
    res.setHeader('Cache-Control', 'no-store');
    res.end(text);
  });
}

/** A request through a proxy on this machine comes over loopback too; the proxy's headers tell it apart. */
function isLocal(req: Request): boolean {
  if (req.headers['x-forwarded-for'] !== undefined || req.headers.forwarded !== undefined) return false;
  const peer = req.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  return peer === '::1' || peer.startsWith('127.');
}
