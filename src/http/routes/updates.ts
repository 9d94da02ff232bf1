/** `POST /api/updates`: an update is taken in, and answered once it is stored. */
import { claimantOf } from '../../auth/access-rules.js';
import { callerOf } from '../access.js';
import type { Step } from '../chain.js';
import type { HttpDependencies } from '../dependencies.js';
import { readBody } from '../read-body.js';
import { sendJson } from '../responses.js';

export const UPDATES = '/api/updates';

export const takeUpdate =
  ({ config, guard, intake, metrics }: HttpDependencies): Step =>
  async (req, res) => {
    const caller = callerOf(req);
    await guard.authorize(caller, 'report');
    const body = await readBody(req, config.MAX_UPDATE_BYTES);
    const outcome = await intake.update(body, claimantOf(caller));
    metrics.inletMessages.inc({ inlet: 'http', outcome });
    sendJson(res, `{"outcome":"${outcome}"}`, 202);
  };
