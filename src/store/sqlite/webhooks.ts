/** Webhooks and their deliveries in SQLite. */
import type { UserId } from '../../domain/id.js';
import { deliveryBody, deliveryIdOf, type FileEvent, isFor, stateAfter } from '../webhook-events.js';
import type {
  AttemptResult,
  DeliveriesQuery,
  Delivery,
  DeliveryState,
  DueDelivery,
  DueQuery,
  Webhook,
  WebhookEventType,
} from '../webhooks.js';
import type { Database } from './database.js';
import { iso } from './generations.js';

interface WebhookRow {
  webhook_id: string;
  owner_id: string | null;
  sees_every_file: number;
  url: string;
  events: string;
  file_id: string | null;
  secret: string;
  created_at: number;
  is_active: number;
}

interface DeliveryRow {
  delivery_id: string;
  webhook_id: string;
  type: WebhookEventType;
  state: DeliveryState;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  created_at: number;
  last_attempt_at: number | null;
  next_attempt_at: number | null;
}

function addWebhook(db: Database, webhook: Webhook, max: number): boolean {
  const { webhookId, ownerId, seesEveryFile, url, events, fileId, secret, createdAt, isActive } = webhook;
  const { changes } = db.run(
    `INSERT INTO webhooks (webhook_id, owner_id, sees_every_file, url, events, file_id, secret, created_at, is_active)
     SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM webhooks WHERE owner_id IS ?) < ?`,
    ...[webhookId, ownerId, Number(seesEveryFile), url, JSON.stringify(events), fileId, secret],
    ...[Date.parse(createdAt), Number(isActive), ownerId, max],
  );
  return changes > 0;
}

/** `ownerId` undefined: of every owner. */
function listWebhooks(db: Database, ownerId: UserId | null | undefined): Webhook[] {
  const rows =
    ownerId === undefined
      ? db.all<WebhookRow>('SELECT * FROM webhooks ORDER BY created_at, webhook_id')
      : db.all<WebhookRow>(
          'SELECT * FROM webhooks WHERE owner_id IS ? ORDER BY created_at, webhook_id',
          ownerId,
        );
  return rows.map(webhookOf);
}

function findWebhook(db: Database, webhookId: string): Webhook | null {
  const row = db.get<WebhookRow>('SELECT * FROM webhooks WHERE webhook_id = ?', webhookId);
  return row === undefined ? null : webhookOf(row);
}

function removeWebhook(db: Database, webhookId: string): boolean {
  db.run('DELETE FROM deliveries WHERE webhook_id = ?', webhookId);
  return db.run('DELETE FROM webhooks WHERE webhook_id = ?', webhookId).changes > 0;
}

/** Makes the deliveries of events, in the transaction of the change that they tell of. */
export function addEvents(db: Database, events: readonly FileEvent[]): void {
  if (events.length === 0) return;
  const webhooks = db.all<WebhookRow>('SELECT * FROM webhooks WHERE is_active = 1').map(webhookOf);
  for (const event of events) {
    for (const { webhookId } of webhooks.filter((webhook) => isFor(webhook, event)))
      db.run(
        `INSERT INTO deliveries (delivery_id, webhook_id, type, state, created_at, since, next_attempt_at, body)
         VALUES (?1, ?2, ?3, 'pending', ?4, ?4, ?4, ?5)`,
        ...[deliveryIdOf(event, webhookId), webhookId, event.type, event.at, deliveryBody(event)],
      );
  }
}

function listDeliveries(db: Database, webhookId: string, { limit, after }: DeliveriesQuery): Delivery[] {
  return db
    .all<DeliveryRow>(
      `SELECT delivery_id, webhook_id, type, state, attempts, last_status, last_error, created_at, last_attempt_at, next_attempt_at
       FROM deliveries WHERE webhook_id = ?1 AND (?2 IS NULL OR delivery_id < ?2) ORDER BY delivery_id DESC LIMIT ?3`,
      ...[webhookId, after, limit],
    )
    .map(deliveryOf);
}

const replayDelivery = (db: Database, webhookId: string, deliveryId: string, now: number): boolean =>
  db.run(
    `UPDATE deliveries SET state = 'pending', since = ?1, next_attempt_at = ?1 WHERE webhook_id = ?2 AND delivery_id = ?3`,
    ...[now, webhookId, deliveryId],
  ).changes > 0;

/** The lease is the time of the next attempt: a gateway that reports in time replaces it. */
function claimDue(db: Database, { now, limit, leaseMs, except }: DueQuery): DueDelivery[] {
  const due = db.all<DueDelivery & { deliveryId: string }>(
    `SELECT delivery_id AS deliveryId, webhook_id AS webhookId, owner_id AS ownerId, url, secret, body, attempts + 1 AS attempts, since
     FROM deliveries JOIN webhooks USING (webhook_id)
     WHERE state = 'pending' AND next_attempt_at <= ? AND webhook_id NOT IN (SELECT value FROM json_each(?))
     ORDER BY next_attempt_at LIMIT ?`,
    ...[now, JSON.stringify(except), limit],
  );
  for (const { deliveryId } of due)
    db.run(
      'UPDATE deliveries SET attempts = attempts + 1, last_attempt_at = ?1, next_attempt_at = ?2 WHERE delivery_id = ?3',
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
    'UPDATE deliveries SET state = ?, last_status = ?, last_error = ?, next_attempt_at = ? WHERE delivery_id = ?',
    ...[state, status, error, nextAttemptAt, deliveryId],
  );
  if (outcome === 'gone') endWebhook(db, deliveryId);
}

/** Its receiver wants nothing any more: what is still pending will not be attempted. */
function endWebhook(db: Database, deliveryId: string): void {
  const ended = '(SELECT webhook_id FROM deliveries WHERE delivery_id = ?)';
  db.run(`UPDATE webhooks SET is_active = 0 WHERE webhook_id = ${ended}`, deliveryId);
  db.run(
    `UPDATE deliveries SET state = 'failed', next_attempt_at = NULL WHERE state = 'pending' AND webhook_id = ${ended}`,
    deliveryId,
  );
}

function dropSettled(db: Database, before: number): void {
  db.run("DELETE FROM deliveries WHERE created_at < ? AND state <> 'pending'", before);
}

const webhookOf = (row: WebhookRow): Webhook => ({
  webhookId: row.webhook_id,
  ownerId: row.owner_id,
  seesEveryFile: row.sees_every_file === 1,
  url: row.url,
  events: JSON.parse(row.events) as WebhookEventType[],
  fileId: row.file_id,
  secret: row.secret,
  createdAt: iso(row.created_at),
  isActive: row.is_active === 1,
});

const timeOf = (ms: number | null): string | null => (ms === null ? null : iso(ms));

const deliveryOf = (row: DeliveryRow): Delivery => ({
  deliveryId: row.delivery_id,
  webhookId: row.webhook_id,
  type: row.type,
  state: row.state,
  attempts: row.attempts,
  lastStatus: row.last_status,
  lastError: row.last_error,
  createdAt: iso(row.created_at),
  lastAttemptAt: timeOf(row.last_attempt_at),
  nextAttemptAt: row.state === 'pending' ? timeOf(row.next_attempt_at) : null,
});

export const webhookWrites = {
  add: addWebhook,
  remove: removeWebhook,
  replay: replayDelivery,
  claimDue,
  report: reportAttempt,
  dropSettled,
};
export const webhookReads = { list: listWebhooks, find: findWebhook, deliveries: listDeliveries };
