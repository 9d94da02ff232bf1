/** Webhooks: callers register URLs that get the events of their files, and see what was delivered. */

import { randomUUID } from 'node:crypto';
import type { Express } from 'express';
import { z } from 'zod';
import { seesEveryFile } from '../../auth/access-rules.js';
import type { Principal } from '../../auth/principal.js';
import { clock } from '../../clock.js';
import type { UserId } from '../../domain/id.js';
import { InvalidInput } from '../../domain/invalid-input.js';
import { idSchema } from '../../domain/schemas.js';
import { Fault } from '../../errors.js';
import type { Delivery, Webhook } from '../../store/webhooks.js';
import { newSecret } from '../../webhooks/signature.js';
import { webhookUrl } from '../../webhooks/webhook-url.js';
import { callerOf, requirePermission } from '../access.js';
import { webhookBody } from '../body-schemas.js';
import { decodeCursor, pageAnswer } from '../cursor.js';
import type { HttpDependencies } from '../dependencies.js';
import { idIn, listQuery, readQuery } from '../parameters.js';
import { sendJson } from '../responses.js';

const deliveryCursor = z.object({ id: idSchema });

export function webhookRoutes(
  app: Express,
  { answers, bodies, config, guard, rateLimit, store }: HttpDependencies,
): void {
  const { webhooks } = store;
  app.use('/api/webhooks', requirePermission(guard, 'read'));

  app.post('/api/webhooks', async (req, res) => {
    const caller = callerOf(req);
    rateLimit.consume(req, res);
    const { url, events, fileId } = await bodies.json(req, res, webhookBody);
    if (fileId !== null) await guard.authorize(caller, 'read', fileId);
    const webhook: Webhook = {
      webhookId: randomUUID(),
      ownerId: caller.sub,
      seesEveryFile: seesEveryFile(caller),
      url: webhookUrl(url, { allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE }),
      events,
      fileId,
      secret: newSecret(),
      createdAt: clock.date().toISOString(),
      isActive: true,
    };
    if (!(await webhooks.add(webhook, config.MAX_WEBHOOKS)))
      throw new InvalidInput([
        { field: 'url', message: `is one too many: MAX_WEBHOOKS allows ${config.MAX_WEBHOOKS}` },
      ]);
    const { webhookId, secret } = webhook;
    const named = fileId === null ? {} : { fileId };
    sendJson(res, JSON.stringify({ webhookId, url: webhook.url, events, ...named, secret }), 201);
  });

  app.get('/api/webhooks', async (req, res) => {
    const items = (await webhooks.list(ownersSeenBy(callerOf(req)))).map(listItemOf);
    sendJson(res, JSON.stringify({ items, nextCursor: null }));
  });

  app.delete('/api/webhooks/:id', async (req, res) => {
    await webhooks.remove((await ownWebhook(idIn(req, 'id'), callerOf(req))).webhookId);
    res.status(204).end();
  });

  app.get('/api/webhooks/:id/deliveries', async (req, res) => {
    const { webhookId } = await ownWebhook(idIn(req, 'id'), callerOf(req));
    const { limit, cursor } = readQuery(req, listQuery);
    const after = decodeCursor(cursor, deliveryCursor)?.id ?? null;
    const found = await webhooks.deliveries(webhookId, { limit: limit + 1, after });
    await answers.send(
      res,
      pageAnswer(found, limit, deliveryItemOf, ({ deliveryId: id }) => ({ id })),
    );
  });

  app.post('/api/webhooks/:id/deliveries/:deliveryId/replay', async (req, res) => {
    const { webhookId, isActive } = await ownWebhook(idIn(req, 'id'), callerOf(req));
    rateLimit.consume(req, res);
    if (!isActive) throw new InvalidInput([{ field: 'id', message: 'has ended: its receiver answered 410' }]);
    const id = idIn(req, 'deliveryId');
    if (!(await webhooks.replay(webhookId, id, clock.now())))
      throw new Fault('not_found', 'there is no such delivery');
    sendJson(res, JSON.stringify({ id, state: 'pending' }), 202);
  });

  /** Another caller's webhook looks like one that does not exist. */
  async function ownWebhook(webhookId: string, caller: Principal): Promise<Webhook> {
    const webhook = await webhooks.find(webhookId);
    const owner = ownersSeenBy(caller);
    if (webhook === null || (owner !== undefined && webhook.ownerId !== owner))
      throw new Fault('not_found', 'there is no such webhook');
    return webhook;
  }
}

/** Whose webhooks a caller sees; undefined: those of all users. */
const ownersSeenBy = ({ sub, scopes }: Principal): UserId | null | undefined =>
  scopes.has('admin') ? undefined : sub;

/** Without the secret, which is shown once. */
const listItemOf = (webhook: Webhook) => ({
  webhookId: webhook.webhookId,
  userId: webhook.ownerId,
  url: webhook.url,
  events: webhook.events,
  fileId: webhook.fileId,
  allFiles: webhook.seesEveryFile,
  createdAt: webhook.createdAt,
  active: webhook.isActive,
});

const deliveryItemOf = ({ deliveryId, webhookId: _, ...rest }: Delivery) => ({ id: deliveryId, ...rest });
