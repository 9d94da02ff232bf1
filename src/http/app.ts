import express, { type Express } from 'express';
import helmet from 'helmet';
import { Fault } from '../errors.js';
import { authenticate, requirePermission } from './access.js';
import { cors } from './cors.js';
import type { HttpDependencies } from './dependencies.js';
import { measureRequests } from './request-metrics.js';
import { problems } from './responses.js';
import { batchRoutes } from './routes/batches.js';
import { deadLetterRoutes } from './routes/dead-letters.js';
import { docsRoutes } from './routes/docs.js';
import { emailRoutes } from './routes/emails.js';
import { exportRoutes } from './routes/export.js';
import { fileRoutes } from './routes/files.js';
import { healthRoutes } from './routes/health.js';
import { updateRoutes } from './routes/updates.js';
import { validationRoutes } from './routes/validations.js';
import { dashboard, sdk } from './static.js';

/** The REST surface, the health pages and the dashboard, ready to be mounted on a server; it listens to nothing itself. */
export function createApp(deps: HttpDependencies): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple').enable('case sensitive routing');

  app.use(measureRequests(deps.metrics, deps.logger));
  app.use(securityHeaders());
  // Pages that may read answers may import the SDK as well.
  app.use(['/api', '/client'], cors(deps.config.CORS_ORIGINS));
  app.use('/api', (_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    next();
  });

  // What the surface looks like is no secret, and tells how to get in.
  docsRoutes(app, deps);
  app.use('/api', authenticate(deps.guard));
  app.use('/api/dead-letters', requirePermission(deps.guard, 'administer'));
  app.use('/api', deps.writes.handler);

  for (const routes of [
    updateRoutes,
    emailRoutes,
    fileRoutes,
    batchRoutes,
    validationRoutes,
    exportRoutes,
    deadLetterRoutes,
    healthRoutes,
  ]) {
    routes(app, deps);
  }
  app.use('/client', sdk());
  app.use(dashboard());
  app.use(() => {
    throw new Fault('not_found');
  });
  app.use(problems(deps.logger));
  return app;
}

/** Everything comes from here. TLS is the matter of a proxy in front: nothing that would break plain http on loopback. */
function securityHeaders() {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
    // Switches of browsers that are gone, or without a use here: each would be sent with every answer.
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
}
