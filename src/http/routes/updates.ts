import type { Express } from 'express';
import { callerOf } from '../access.js';
import type { HttpDeps } from '../deps.js';
import { readBody } from '../read-body.js';
import { sendJson } from '../send-json.js';

/** The HTTP inlet: the body goes to the intake as it came. */
export function updateRoutes(app: Express, { config, guard, intake }: HttpDeps): void {
  app.post('/api/updates', async (req, res) => {
    await guard.authorize(callerOf(req), 'report');
    const outcome = await intake.update(await readBody(req, config.MAX_UPDATE_BYTES));
    sendJson(res, `{"outcome":"${outcome}"}`, 202);
  });
}
