/** What a request passes before its route. Express and the chain of updates run the same guards, in the same order. */

import { authenticate } from './access.js';
import type { Step } from './chain.js';
import { cors } from './cors.js';
import type { HttpDependencies } from './dependencies.js';
import { measureRequests } from './request-metrics.js';
import { securityHeaders } from './security-headers.js';

interface Guards {
  readonly everywhere: readonly Step[];
  /** Where another origin may read the answer. */
  readonly crossOrigin: Step;
  /** Under `/api`. */
  readonly api: readonly Step[];
  /** Under `/api`, behind the public descriptions. */
  readonly callers: readonly Step[];
}

export function guards({ config, guard, logger, metrics, writes }: HttpDependencies): Guards {
  const crossOrigin = cors(config.CORS_ORIGINS);
  return {
    everywhere: [measureRequests(metrics, logger), securityHeaders()],
    crossOrigin,
    api: [crossOrigin, notStored],
    callers: [authenticate(guard), writes.handler],
  };
}

const notStored: Step = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};
