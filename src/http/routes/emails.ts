import type { Express } from 'express';
import { Fault } from '../../errors.js';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { emailsQuery, readQuery } from '../parameters.js';
import { idIn } from '../params.js';
import { sendJson } from '../send-json.js';

export function emailRoutes(app: Express, { guard, rateLimit, snapshots }: HttpDependencies): void {
  app.get('/api/files/:fileId/emails', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const query = readQuery(req, emailsQuery);
    await guard.admit(callerOf(req), 'read', fileId);
    if (query.email !== undefined) rateLimit.consume(req, res);
    const page = await snapshots.page({ fileId, ...query });
    if (page === null) throw new Fault('file_not_found');
    sendJson(res, page);
  });
}
