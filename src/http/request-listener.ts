/** Answers every request: updates by a chain of the same guards that Express has in front of its routes, the rest by Express. */
import type { RequestListener } from 'node:http';
import { createApp } from './app.js';
import { chain } from './chain.js';
import type { HttpDependencies } from './dependencies.js';
import { guards } from './guards.js';
import { routedAs } from './request-metrics.js';
import { problemSender } from './responses.js';
import { takeUpdate, UPDATES } from './routes/updates.js';

/** A producer sends thousands of updates a minute; the router and its wrappers were a tenth of what the gateway spent on one. */
export function createRequestListener(deps: HttpDependencies): RequestListener {
  const passed = guards(deps);
  const app = createApp(deps, passed);
  const { everywhere, api, callers } = passed;
  const update = chain(
    [...everywhere, ...api, ...callers, routedAs(UPDATES), takeUpdate(deps)],
    problemSender(deps.logger),
  );
  return (req, res) => (req.method === 'POST' && req.url === UPDATES ? update : app)(req, res);
}
