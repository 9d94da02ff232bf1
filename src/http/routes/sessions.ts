/** Sessions: the number of a file's listeners, and the end of all sessions of a user. */
import type { Express } from 'express';
import { Fault } from '../../errors.js';
import { callerOf } from '../access.js';
import { revokeBody } from '../body-schemas.js';
import type { HttpDependencies } from '../dependencies.js';
import { idIn } from '../parameters.js';
import { sendJson } from '../responses.js';

export function sessionRoutes(
  app: Express,
  { bodies, guard, rateLimit, sessions, store }: HttpDependencies,
): void {
  app.get('/api/files/:fileId/listeners', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { listeners, gateways } = await guard.readAuthorized(callerOf(req), fileId, () => {
      // Every gateway is asked.
      rateLimit.consume(req, res);
      return sessions.listenersOf(fileId);
    });
    // Listeners may be there before the file is.
    if (listeners === 0 && (await store.files.find(fileId)) === null) throw new Fault('file_not_found');
    sendJson(res, JSON.stringify({ listeners, gateways }));
  });

  app.post('/api/sessions/revoke', async (req, res) => {
    await guard.authorize(callerOf(req), 'administer');
    const { sub } = await bodies.json(req, res, revokeBody);
    sendJson(res, JSON.stringify({ sockets: await sessions.revoke(sub) }));
  });
}
