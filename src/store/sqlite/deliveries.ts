/** What is to be delivered to webhooks, in SQLite: made with the change that it tells of, and leased for each attempt. */
import { deliveryBody, deliveryIdOf, type FileEvent, isFor, stateAfter } from '../webhook-events.js';
import {
  type AttemptResult,
  type DeliveriesQuery,
  type Delivery,
  type DueDelivery,
  type DueQuery,
  TOO_MANY,
} from '../webhooks.js';
import type { Database } from './database.js';
import { iso } from './generations.js';
import { activeWebhooks } from './webhooks.js';

type DeliveryRow = Omit<Delivery, 'createdAt' | 'lastAttemptAt' | 'nextAttemptAt'> & {
  readonly createdAt: number;
  readonly lastAttemptAt: number | null;
  readonly nextAttemptAt: number | null;
};

/** Makes the deliveries of events, in the transaction of the change that they tell of. */
export function addEvents(db: Database, events: readonly FileEvent[]): void {
  if (events.length === 0) return;
  const webhooks = activeWebhooks(db);
  for (const event of events) {
    for (const { webhookId } of webhooks.filter((webhook) => isFor(webhook, event)))
      db.insert('deliveries', {
        deliveryId: deliveryIdOf(event, webhookId),
        webhookId,
        type: event.type,
        state: 'pending',
        createdAt: event.at,
        since: event.at,
        nextAttemptAt: event.at,
        body: deliveryBody(event),
      });
  }
}

function listDeliveries(db: Database, webhookId: string, { limit, after }: DeliveriesQuery): Delivery[] {
  return db
    .all<DeliveryRow>(
      `SELECT deliveryId, webhookId, type, state, attempts, lastStatus, lastError, createdAt, lastAttemptAt, nextAttemptAt
       FROM deliveries WHERE webhookId = ?1 AND (?2 IS NULL OR deliveryId < ?2) ORDER BY deliveryId DESC LIMIT ?3`,
      ...[webhookId, after, limit],
    )
    .map(deliveryOf);
}

const replayDelivery = (db: Database, webhookId: string, deliveryId: string, now: number): boolean =>
  db.run(
    `UPDATE deliveries SET state = 'pending', since = ?1, nextAttemptAt = ?1 WHERE webhookId = ?2 AND deliveryId = ?3`,
    ...[now, webhookId, deliveryId],
  ).changes > 0;

/** Webhooks with pending deliveries, one step in the index for each: a backlog costs no more than a single delivery. */
const WAITING = `WITH RECURSIVE waiting(webhookId) AS (
    SELECT min(webhookId) FROM deliveries WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(webhookId) FROM deliveries WHERE state = 'pending' AND webhookId > waiting.webhookId)
    FROM waiting WHERE webhookId IS NOT NULL)`;

/** The lease is the time of the next attempt: a gateway that reports in time replaces it. */
function claimDue(db: Database, { now, limit, leaseMs, except }: DueQuery): DueDelivery[] {
  const due = db.all<DueDelivery & { deliveryId: string }>(
    `${WAITING}
     SELECT deliveryId, webhookId, ownerId, url, secret, body, attempts + 1 AS attempts, since
     FROM waiting JOIN webhooks USING (webhookId) JOIN deliveries USING (webhookId)
     WHERE webhookId NOT IN (SELECT value FROM json_each(?1)) AND deliveryId IN (
       SELECT deliveryId FROM deliveries AS due
       WHERE state = 'pending' AND due.webhookId = waiting.webhookId AND nextAttemptAt <= ?2
       ORDER BY nextAttemptAt LIMIT ?3)
     ORDER BY nextAttemptAt LIMIT ?3`,
    ...[JSON.stringify(except), now, limit],
  );
  for (const { deliveryId } of due)
    db.run(
      'UPDATE deliveries SET attempts = attempts + 1, lastAttemptAt = ?1, nextAttemptAt = ?2 WHERE deliveryId = ?3',
      ...[now, now + leaseMs, deliveryId],
    );
  return due;
}

function reportAttempt(
  db: Database,
  deliveryId: string,
  { status, error, outcome, nextAttemptAt }: AttemptResult,
): void {
  const state = stateAfter(outcome);
  db.run(
    'UPDATE deliveries SET state = ?, lastStatus = ?, lastError = ?, nextAttemptAt = ? WHERE deliveryId = ?',
    ...[state, status, error, nextAttemptAt, deliveryId],
  );
  if (outcome !== 'gone') return;
  endWebhook(db, deliveryId);
  endSome(db, deliveryId);
}

/** Its receiver wants nothing any more. A long backlog is ended by further calls of `endSome`. */
const endWebhook = (db: Database, deliveryId: string): unknown =>
  db.run(
    'UPDATE webhooks SET isActive = 0 WHERE webhookId = (SELECT webhookId FROM deliveries WHERE deliveryId = ?)',
    deliveryId,
  );

/** Of a backlog only so many change in one go: updates wait meanwhile. */
const AT_ONCE = 250;

/** Ends some pending deliveries of the webhook that a delivery is for; answers with their number. */
const endSome = (db: Database, deliveryId: string): number =>
  db.run(
    `UPDATE deliveries SET state = 'failed', nextAttemptAt = NULL WHERE deliveryId IN (
       SELECT deliveryId FROM deliveries WHERE state = 'pending'
       AND webhookId = (SELECT webhookId FROM deliveries WHERE deliveryId = ?) LIMIT ${AT_ONCE})`,
    deliveryId,
  ).changes;

/** Deletes some deliveries of a webhook that was removed; answers with their number. */
const dropSome = (db: Database, webhookId: string): number =>
  db.run(
    `DELETE FROM deliveries WHERE deliveryId IN (
       SELECT deliveryId FROM deliveries WHERE webhookId = ? LIMIT ${AT_ONCE})`,
    webhookId,
  ).changes;

/** Webhooks that were removed and have deliveries left, found like those in `WAITING`. */
const removedWebhooks = (db: Database): string[] =>
  db
    .all<{ webhookId: string }>(
      `WITH RECURSIVE named(webhookId) AS (
         SELECT min(webhookId) FROM deliveries
         UNION ALL
         SELECT (SELECT min(webhookId) FROM deliveries WHERE webhookId > named.webhookId)
         FROM named WHERE webhookId IS NOT NULL)
       SELECT webhookId FROM named WHERE webhookId IS NOT NULL AND webhookId NOT IN (SELECT webhookId FROM webhooks)`,
    )
    .map(({ webhookId }) => webhookId);

/** Deletes some; answers with their number. */
const dropSettled = (db: Database, before: number): number =>
  db.run(
    `DELETE FROM deliveries WHERE deliveryId IN (
       SELECT deliveryId FROM deliveries WHERE createdAt < ? AND state <> 'pending' LIMIT ${AT_ONCE})`,
    before,
  ).changes;

/** What a webhook has beyond the bound. */
export interface Crowded {
  readonly webhookId: string;
  readonly pending: number;
  readonly ended: number;
}

/** Webhooks with more than `max` pending deliveries, or more than `max` that have ended. Most are ruled out by the index alone. */
function crowdedWebhooks(db: Database, max: number): Crowded[] {
  const many = db.all<{ webhookId: string; total: number }>(
    'SELECT webhookId, count(*) AS total FROM deliveries GROUP BY webhookId HAVING total > ?',
    max,
  );
  return many.map(({ webhookId, total }) => {
    const counted = db.get<{ pending: number }>(
      "SELECT count(*) AS pending FROM deliveries WHERE webhookId = ? AND state = 'pending'",
      webhookId,
    );
    const pending = counted?.pending ?? 0;
    // Those that are given up have ended then.
    const ended = total - Math.min(pending, max);
    return { webhookId, pending: Math.max(0, pending - max), ended: Math.max(0, ended - max) };
  });
}

const giveUpOldest = (db: Database, webhookId: string, count: number): number =>
  db.run(
    `UPDATE deliveries SET state = 'failed', lastError = ?, nextAttemptAt = NULL WHERE deliveryId IN (
       SELECT deliveryId FROM deliveries WHERE webhookId = ? AND state = 'pending' ORDER BY deliveryId LIMIT ?)`,
    ...[TOO_MANY, webhookId, count],
  ).changes;

const dropOldest = (db: Database, webhookId: string, count: number): number =>
  db.run(
    `DELETE FROM deliveries WHERE deliveryId IN (
       SELECT deliveryId FROM deliveries WHERE webhookId = ? AND state <> 'pending' ORDER BY deliveryId LIMIT ?)`,
    ...[webhookId, count],
  ).changes;

const timeOf = (ms: number | null): string | null => (ms === null ? null : iso(ms));

const deliveryOf = (row: DeliveryRow): Delivery => ({
  ...row,
  createdAt: iso(row.createdAt),
  lastAttemptAt: timeOf(row.lastAttemptAt),
  nextAttemptAt: row.state === 'pending' ? timeOf(row.nextAttemptAt) : null,
});

export const deliveryWrites = { replay: replayDelivery, claimDue, report: reportAttempt, dropSettled };
export const deliveryReads = { deliveries: listDeliveries };
/** The steps of `WebhookStore.keepWithin`. */
export const crowdedReads = { crowded: crowdedWebhooks };
export const crowdedWrites = { giveUpOldest, dropOldest };
/** The steps of `WebhookStore.report`, `remove` and `dropSettled` that a backlog needs. */
export const backlogReads = { removed: removedWebhooks };
export const backlogWrites = { endSome, dropSome };
