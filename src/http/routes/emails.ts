import type { Express } from 'express';
import { Fault } from '../../errors.js';
import { callerOf } from '../access.js';
import type { HttpDeps } from '../deps.js';
import { idIn } from '../params.js';
import { emailsQuery, readQuery } from '../query.js';
import { sendJson } from '../send-json.js';

export function emailRoutes(app: Express, { guard, quota, snapshots }: HttpDeps): void {
  app.get('/api/files/:fileId/emails', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const query = readQuery(req, emailsQuery);
    await guard.authorize(callerOf(req), 'read', fileId);
    if (query.email !== undefined) quota.take(req, res);
    const page = await snapshots.page({ fileId, ...query });
    if (page === null) throw new Fault('file_not_found');
    sendJson(res, page);
  });
}
