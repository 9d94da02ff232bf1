import type { Express } from 'express';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { readBody } from '../read-body.js';
import { sendJson } from '../send-json.js';

/** The HTTP inlet: the body goes to the intake as it came. */
export function updateRoutes(app: Express, { config, guard, intake }: HttpDependencies): void {
  app.post('/api/updates', async (req, res) => {
    await guard.admit(callerOf(req), 'report');
    const outcome = await intake.update(await readBody(req, config.MAX_UPDATE_BYTES));
    sendJson(res, `{"outcome":"${outcome}"}`, 202);
  });
}
