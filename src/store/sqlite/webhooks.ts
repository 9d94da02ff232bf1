/** The webhooks that callers have registered, in SQLite. */
import type { UserId } from '../../domain/id.js';
import type { Webhook, WebhookEventType } from '../webhooks.js';
import type { Database } from './database.js';
import { iso } from './generations.js';

type WebhookRow = Omit<Webhook, 'seesEveryFile' | 'events' | 'createdAt' | 'isActive'> & {
  readonly seesEveryFile: number;
  /** JSON. */
  readonly events: string;
  readonly createdAt: number;
  readonly isActive: number;
};

function addWebhook(db: Database, webhook: Webhook, max: number): boolean {
  const { ownerId, events, createdAt, seesEveryFile, isActive } = webhook;
  const owned = db.get<{ count: number }>(
    'SELECT count(*) AS count FROM webhooks WHERE ownerId IS ?',
    ownerId,
  );
  if ((owned?.count ?? 0) >= max) return false;
  db.insert('webhooks', {
    ...webhook,
    events: JSON.stringify(events),
    createdAt: Date.parse(createdAt),
    seesEveryFile: Number(seesEveryFile),
    isActive: Number(isActive),
  });
  return true;
}

/** `ownerId` undefined: of every owner. */
function listWebhooks(db: Database, ownerId: UserId | null | undefined): Webhook[] {
  const rows =
    ownerId === undefined
      ? db.all<WebhookRow>('SELECT * FROM webhooks ORDER BY createdAt, webhookId')
      : db.all<WebhookRow>(
          'SELECT * FROM webhooks WHERE ownerId IS ? ORDER BY createdAt, webhookId',
          ownerId,
        );
  return rows.map(webhookOf);
}

function findWebhook(db: Database, webhookId: string): Webhook | null {
  const row = db.get<WebhookRow>('SELECT * FROM webhooks WHERE webhookId = ?', webhookId);
  return row === undefined ? null : webhookOf(row);
}

const removeWebhook = (db: Database, webhookId: string): boolean =>
  db.run('DELETE FROM webhooks WHERE webhookId = ?', webhookId).changes > 0;

export const activeWebhooks = (db: Database): Webhook[] =>
  db.all<WebhookRow>('SELECT * FROM webhooks WHERE isActive = 1').map(webhookOf);

const webhookOf = (row: WebhookRow): Webhook => ({
  ...row,
  seesEveryFile: row.seesEveryFile === 1,
  events: JSON.parse(row.events) as WebhookEventType[],
  createdAt: iso(row.createdAt),
  isActive: row.isActive === 1,
});

export const webhookWrites = { add: addWebhook, remove: removeWebhook };
export const webhookReads = { list: listWebhooks, find: findWebhook };
