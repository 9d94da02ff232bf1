import type { Express } from 'express';
import { sendJson } from '../answer.js';
import { readBody } from '../body.js';
import type { HttpDeps } from '../deps.js';

/** The HTTP inlet: the body goes to the intake as it came. */
export function updateRoutes(app: Express, { config, intake }: HttpDeps): void {
  app.post('/api/updates', async (req, res) => {
    const outcome = await intake.update(await readBody(req, config.MAX_UPDATE_BYTES));
    sendJson(res, `{"outcome":"${outcome}"}`, 202);
  });
}
