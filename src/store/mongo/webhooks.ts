/** The webhooks that callers have registered, in MongoDB, for all gateways together. */
import type { UserId } from '../../domain/id.js';
import { settledWithin } from '../../waiting.js';
import { REMOVED_WITHIN_MS, type Webhook } from '../webhooks.js';
import { keepWithin } from './crowded-webhooks.js';
import {
  claimDue,
  dropDeliveries,
  dropSettled,
  findWebhook,
  listDeliveries,
  replayDelivery,
  reportAttempt,
  webhookOf,
} from './deliveries.js';
import { findDocs, findFields, insertIfNew, type Models } from './models.js';

export const webhookCalls = {
  add: addWebhook,
  list: listWebhooks,
  find: findWebhook,
  remove: removeWebhook,
  deliveries: listDeliveries,
  replay: replayDelivery,
  claimDue,
  report: reportAttempt,
  dropSettled,
  keepWithin,
};

async function addWebhook(
  db: Models,
  { webhookId, createdAt, ...webhook }: Webhook,
  max: number,
): Promise<boolean> {
  const { ownerId } = webhook;
  const doc = {
    _id: webhookId,
    ...webhook,
    events: [...webhook.events],
    createdAt: new Date(createdAt),
  };
  await insertIfNew(db.webhooks, doc);
  // Counted with the new one: of two that are added at once, the later one by id gives way.
  const first = await findFields(db.webhooks, { ownerId }, ['_id'], {
    sort: { createdAt: 1, _id: 1 },
    limit: max,
  });
  if (first.some(({ _id }) => _id === webhookId)) return true;
  await db.webhooks.deleteOne({ _id: webhookId });
  return false;
}

/** `ownerId` undefined: of every owner. */
async function listWebhooks(db: Models, ownerId: UserId | null | undefined): Promise<Webhook[]> {
  const docs = await findDocs(db.webhooks, ownerId === undefined ? {} : { ownerId }, {
    sort: { createdAt: 1, _id: 1 },
  });
  return docs.map(webhookOf);
}

async function removeWebhook(db: Models, webhookId: string): Promise<boolean> {
  const { deletedCount } = await db.webhooks.deleteOne({ _id: webhookId });
  // What is left where this fails goes with the next call of `dropSettled`.
  await settledWithin(REMOVED_WITHIN_MS, dropDeliveries(db, { webhookId }));
  return deletedCount === 1;
}
