/** Answers requests whose path is known and whose method is not: 405 with `Allow`. */
import express, { type Express, type Router } from 'express';
import { Fault } from '../errors.js';

interface Route {
  readonly path: string;
  readonly stack: readonly { readonly method: string }[];
}

/** For the dashboard and the routes that the app has now; it is mounted behind them. */
export function wrongMethods(app: Express): Router {
  const router = express.Router({ caseSensitive: true });
  for (const [path, methods] of methodsByPath(app)) {
    const allow = [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    router.all(path, (req, res) => {
      if (req.method !== 'OPTIONS')
        throw new Fault('method_not_allowed', `the methods here are ${allow.join(', ')}`, { allow });
      res.status(204).set('Allow', allow.join(', ')).end();
    });
  }
  return router;
}

function methodsByPath(app: Express): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>([['/', new Set(['GET'])]]);
  for (const { route } of app.router.stack as { route?: Route }[]) {
    if (route === undefined) continue;
    const known = methods.get(route.path) ?? new Set();
    methods.set(route.path, known);
    for (const { method } of route.stack) known.add(method.toUpperCase());
  }
  return methods;
}
