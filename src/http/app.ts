/** The REST surface, the health pages, the SDK and the dashboard as one Express application. */
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express, type RequestHandler } from 'express';
import { Fault } from '../errors.js';
import { ListReader } from '../lists/list-reader.js';
import { requirePermission } from './access.js';
import { compress } from './compress.js';
import type { HttpDependencies } from './dependencies.js';
import { endUnread } from './end-unread.js';
import { guards } from './guards.js';
import { problems } from './responses.js';
import { batchRoutes } from './routes/batches.js';
import { deadLetterRoutes } from './routes/dead-letters.js';
import { docsRoutes } from './routes/docs.js';
import { exportRoutes } from './routes/export.js';
import { fileRoutes } from './routes/files.js';
import { healthRoutes } from './routes/health.js';
import { listRoutes } from './routes/lists.js';
import { sessionRoutes } from './routes/sessions.js';
import { validationRoutes } from './routes/validations.js';
import { webhookRoutes } from './routes/webhooks.js';
import { wrongMethods } from './wrong-methods.js';

const SDK = fileURLToPath(new URL('../client/', import.meta.url));
/** Bundled by scripts/build-page.js; this file runs as dist/src/http/app.js. */
const DASHBOARD = fileURLToPath(new URL('../../public/', import.meta.url));
/** The names of its files there hold a hash of what is in them. */
const HASHED = join(DASHBOARD, 'assets', sep);

/** Does not listen: the gateway mounts it on its server. `passed`: what each request passes before its route. */
export function createApp(deps: HttpDependencies, passed = guards(deps)): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple').enable('case sensitive routing');

  const { everywhere, crossOrigin, api, callers } = passed;
  app.use(...everywhere, compress(deps.config.COMPRESSION, deps.rateLimit.addressOf));
  app.use('/api', ...api);
  // Origins that may read answers may import the SDK too.
  app.use('/client', crossOrigin);

  // Before authentication: the descriptions are public, and say how to authenticate.
  docsRoutes(app, deps);
  app.use('/api', ...callers);
  app.use('/api/dead-letters', requirePermission(deps.guard, 'administer'));

  const listReader = new ListReader(deps.config);
  for (const routes of [
    fileRoutes,
    batchRoutes,
    listRoutes,
    validationRoutes,
    exportRoutes,
    sessionRoutes,
    deadLetterRoutes,
    webhookRoutes,
    healthRoutes,
  ]) {
    routes(app, deps, listReader);
  }
  app.use((_req, res, next) => {
    endUnread(res, deps.config.EXPORT_IDLE_MS);
    next();
  });
  app.use('/client', staticFiles(SDK));
  if (deps.config.COMPRESSION) app.use('/assets', compressedAtBuild);
  app.use(staticFiles(DASHBOARD));
  app.use(wrongMethods(app));
  app.use(() => {
    throw new Fault('not_found');
  });
  app.use(problems(deps.logger));
  return app;
}

/** Only hashed files have such a twin. */
const compressedAtBuild: RequestHandler = (req, res, next) => {
  res.vary('Accept-Encoding');
  if (/\.(js|css)$/.test(req.path) && req.acceptsEncodings('br')) req.url = `${req.path}.br`;
  next();
};

const TYPES: Readonly<Record<string, string>> = {
  '.js.br': 'text/javascript; charset=utf-8',
  '.css.br': 'text/css; charset=utf-8',
};

const staticFiles = (folder: string) =>
  express.static(folder, {
    dotfiles: 'ignore',
    redirect: false,
    // A part of a compressed file is of no use.
    acceptRanges: false,
    // What may change under its name is kept by browsers, and revalidated: a new version of the gateway is used at once.
    setHeaders: (res, path) => {
      res.setHeader(
        'Cache-Control',
        path.startsWith(HASHED) ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
      const type = TYPES[/\.\w+\.br$/.exec(path)?.[0] ?? ''];
      if (type !== undefined) res.setHeader('Content-Type', type).setHeader('Content-Encoding', 'br');
    },
  });
