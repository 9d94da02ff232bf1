/** What is to be delivered to webhooks, in MongoDB: made of the events of files, leased for each attempt, and kept for a time. */
import { type QueryFilter, trusted } from 'mongoose';
import { clock } from '../../clock.js';
import {
  deletionOf,
  deliveryBody,
  deliveryIdOf,
  type FileEvent,
  isFor,
  stateAfter,
} from '../webhook-events.js';
import type {
  AttemptResult,
  DeliveriesQuery,
  Delivery,
  DueDelivery,
  DueQuery,
  Webhook,
} from '../webhooks.js';
import type { FileDoc } from './documents/files.js';
import type { DeliveryDoc, WebhookDoc } from './documents/webhooks.js';
import { findFile } from './generations.js';
import { findDoc, findDocs, findFields, type Models, updateDoc, updateEach } from './models.js';

/** Files whose events are made into deliveries in one go. */
const FILES_AT_ONCE = 64;
/** A deletion that was announced and has not come to pass by then was given up. */
const DELETION_MS = 600_000;

export async function findWebhook(db: Models, webhookId: string): Promise<Webhook | null> {
  const doc = await findDoc(db.webhooks, { _id: webhookId });
  return doc === null ? null : webhookOf(doc);
}

export const webhookOf = ({ _id, createdAt, ...rest }: WebhookDoc): Webhook => ({
  webhookId: _id,
  ...rest,
  createdAt: createdAt.toISOString(),
});

type EventfulFile = Pick<FileDoc, 'fileId' | 'userId' | 'events'>;

const eventsOf = ({ userId, events = [] }: EventfulFile): FileEvent[] =>
  events.map((event) => ({ ...event, ownerId: userId }));

/** Makes the events that are stored in files' documents into deliveries, and takes them out there. */
async function deliverEvents(db: Models): Promise<void> {
  const files = await db.files.collection
    .find<EventfulFile>(
      { eventsAt: { $gt: new Date(0) } },
      { projection: { _id: 0, fileId: 1, userId: 1, events: 1 } },
    )
    .sort({ eventsAt: 1 })
    .limit(FILES_AT_ONCE)
    .toArray();
  if (files.length === 0) return;
  await addDeliveries(db, files.flatMap(eventsOf));
  for (const { fileId, events = [] } of files) {
    const ids = events.map(({ id }) => id);
    await db.files.collection.updateOne({ fileId }, { $pull: { events: { id: { $in: ids } } } } as never);
    await db.files.collection.updateOne(
      { fileId, events: { $size: 0 } },
      { $unset: { events: 1, eventsAt: 1 } },
    );
  }
}

/**
 * Before a file is removed: what is owed of it, and its deletion, which is sent only once it is done. A removal that is
 * interrupted leaves a delivery that waits for it.
 */
export async function addDeletion(db: Models, file: FileDoc): Promise<void> {
  const { fileId, generation, userId: ownerId } = file;
  const event = deletionOf({ generation, fileId, ownerId }, clock.now());
  await addDeliveries(db, [...eventsOf(file), event], generation);
}

/**
 * Before a file gets another owner: what is owed of it belongs to the webhooks of the one that it has. Answers with the condition
 * under which that is all, and the change that takes it out of the file's document.
 */
export async function deliverToOwner(
  db: Models,
  file: FileDoc,
): Promise<{ readonly filter: object; readonly $unset: object }> {
  await addDeliveries(db, eventsOf(file));
  return {
    filter: { eventsAt: file.eventsAt ?? trusted({ $exists: false }) },
    $unset: { events: 1, eventsAt: 1 },
  };
}

/** `removal`: the generation whose removal a deletion waits for. The step may be repeated: each delivery is made once. */
async function addDeliveries(
  db: Models,
  events: readonly FileEvent[],
  removal: string | null = null,
): Promise<void> {
  if (events.length === 0) return;
  const webhooks = (await findDocs(db.webhooks, { isActive: true })).map(webhookOf);
  const deliveries = events.flatMap((event) =>
    webhooks
      .filter((webhook) => isFor(webhook, event))
      .map(({ webhookId }) => {
        const at = new Date(event.at);
        const { id: eventId, fileId, type } = event;
        const doc: Omit<DeliveryDoc, 'webhookId' | 'eventId'> = {
          _id: deliveryIdOf(event, webhookId),
          fileId,
          type,
          state: 'pending',
          attempts: 0,
          lastStatus: null,
          lastError: null,
          createdAt: at,
          since: at,
          lastAttemptAt: null,
          nextAttemptAt: at,
          removal: type === 'file.deleted' ? removal : null,
          body: deliveryBody(event),
        };
        return { filter: { webhookId, eventId }, update: { $setOnInsert: doc }, upsert: true };
      }),
  );
  await updateEach(db.deliveries, deliveries);
}

export async function listDeliveries(
  db: Models,
  webhookId: string,
  { limit, after }: DeliveriesQuery,
): Promise<Delivery[]> {
  const docs = await findDocs(
    db.deliveries,
    { webhookId, ...(after === null ? {} : { _id: trusted({ $lt: after }) }) },
    { projection: { body: 0 }, sort: { webhookId: 1, _id: -1 }, limit },
  );
  return docs.map(deliveryOf);
}

export async function replayDelivery(
  db: Models,
  webhookId: string,
  deliveryId: string,
  now: number,
): Promise<boolean> {
  const at = new Date(now);
  const { matchedCount } = await db.deliveries.updateOne(
    { _id: deliveryId, webhookId },
    { $set: { state: 'pending', since: at, nextAttemptAt: at } },
  );
  return matchedCount === 1;
}

/** The lease is the time of the next attempt: a gateway that reports in time replaces it. */
export async function claimDue(
  db: Models,
  { now, limit, leaseMs, except }: DueQuery,
): Promise<DueDelivery[]> {
  await deliverEvents(db);
  // By name: to pass over the others would read their whole backlog.
  const pending = await db.deliveries.distinct('webhookId', { state: 'pending' }).exec();
  const waiting = await existing(
    db,
    pending.filter((webhookId) => !except.includes(webhookId)),
  );
  if (waiting.length === 0) return [];
  const claimed: DueDelivery[] = [];
  while (claimed.length < limit) {
    const doc = await updateDoc(
      db.deliveries,
      {
        state: 'pending',
        nextAttemptAt: trusted({ $lte: new Date(now) }),
        webhookId: trusted({ $in: waiting }),
      },
      {
        $set: { nextAttemptAt: new Date(now + leaseMs), lastAttemptAt: new Date(now) },
        $inc: { attempts: 1 },
      },
      { sort: { nextAttemptAt: 1 } },
    );
    if (doc === null) break;
    const due = await dueDelivery(db, doc, now);
    if (due !== null) claimed.push(due);
  }
  return claimed;
}

/** Null: it is not to be sent, or not yet. */
async function dueDelivery(db: Models, doc: DeliveryDoc, now: number): Promise<DueDelivery | null> {
  const { _id: deliveryId, webhookId, body, attempts, fileId, removal, createdAt } = doc;
  const isGone = removal === null || (await findFile(db, fileId))?.generation !== removal;
  const webhook = isGone ? await findWebhook(db, webhookId) : null;
  if (webhook !== null) {
    const { ownerId, url, secret } = webhook;
    return { deliveryId, webhookId, ownerId, url, secret, body, attempts, since: doc.since.getTime() };
  }
  if (isGone || createdAt.getTime() < now - DELETION_MS) await db.deliveries.deleteOne({ _id: deliveryId });
  else
    await db.deliveries.updateOne(
      { _id: deliveryId },
      { $set: { nextAttemptAt: new Date(now + 1_000), lastAttemptAt: null }, $inc: { attempts: -1 } },
    );
  return null;
}

export async function reportAttempt(
  db: Models,
  deliveryId: string,
  { status, error, outcome, nextAttemptAt }: AttemptResult,
): Promise<void> {
  const state = stateAfter(outcome);
  const next = nextAttemptAt === null ? null : new Date(nextAttemptAt);
  const doc = await db.deliveries
    .findByIdAndUpdate(deliveryId, {
      $set: { state, lastStatus: status, lastError: error, nextAttemptAt: next },
    })
    .lean<DeliveryDoc>()
    .exec();
  if (doc === null || outcome !== 'gone') return;
  // Its receiver wants nothing any more: what is still pending will not be attempted.
  const { webhookId } = doc;
  await db.webhooks.updateOne({ _id: webhookId }, { $set: { isActive: false } });
  await db.deliveries.updateMany(
    { webhookId, state: 'pending' },
    { $set: { state: 'failed', nextAttemptAt: null } },
  );
}

export async function dropSettled(db: Models, before: number): Promise<void> {
  await dropDeliveries(db, {
    createdAt: trusted({ $lt: new Date(before) }),
    state: trusted({ $in: ['delivered', 'failed'] }),
  });
  const named = await db.deliveries.distinct('webhookId').exec();
  const known = new Set(await existing(db, named));
  for (const webhookId of named) if (!known.has(webhookId)) await dropDeliveries(db, { webhookId });
}

/** Those of some webhooks that have not been removed. */
const existing = async (db: Models, webhookIds: readonly string[]): Promise<string[]> =>
  (await findFields(db.webhooks, { _id: trusted({ $in: [...webhookIds] }) }, ['_id'])).map(({ _id }) => _id);

/** Deliveries that are deleted in one go. */
const DROPPED_AT_ONCE = 1_000;

/** Deletes deliveries, some at a time. */
export async function dropDeliveries(db: Models, filter: QueryFilter<DeliveryDoc>): Promise<void> {
  for (;;) {
    const some = await findFields(db.deliveries, filter, ['_id'], { limit: DROPPED_AT_ONCE });
    if (some.length === 0) return;
    await db.deliveries.deleteMany({ ...filter, _id: trusted({ $in: some.map(({ _id }) => _id) }) });
  }
}

const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;

const deliveryOf = (doc: DeliveryDoc): Delivery => ({
  deliveryId: doc._id,
  webhookId: doc.webhookId,
  type: doc.type,
  state: doc.state,
  attempts: doc.attempts,
  lastStatus: doc.lastStatus,
  lastError: doc.lastError,
  createdAt: doc.createdAt.toISOString(),
  lastAttemptAt: timeOf(doc.lastAttemptAt),
  nextAttemptAt: doc.state === 'pending' ? timeOf(doc.nextAttemptAt) : null,
});
