/** `POST /api/updates`: an update is taken in, and answered once it is stored. */
import { claimantOf } from '../../auth/access-rules.js';
import { callerOf } from '../access.js';
import type { Step } from '../chain.js';
import type { HttpDependencies } from '../dependencies.js';
import { sendJson } from '../responses.js';

export const UPDATES = '/api/updates';

export const takeUpdate =
  ({ bodies, config, guard, intake, metrics }: HttpDependencies): Step =>
  async (req, res) => {
    const caller = callerOf(req);
    await guard.authorize(caller, 'report');
    const update = await intake.read(await bodies.read(req, res, config.MAX_UPDATE_BYTES));
    // From here on it is one of the updates that wait to be stored.
    bodies.handOver(req);
    const outcome = await intake.take(update, claimantOf(caller));
    metrics.inletMessages.inc({ inlet: 'http', outcome });
    sendJson(res, `{"outcome":"${outcome}"}`, 202);
  };
