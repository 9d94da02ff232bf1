/** The documents of webhooks and their deliveries. */
import type { FileId, Generation, UserId } from '../../../domain/id.js';
import type { DeliveryState, WebhookEventType } from '../../webhooks.js';
import { type DocumentOf, date, flag, mixed, number, schemaOf, text } from './schema.js';

export const webhooks = schemaOf({
  /** The webhook's id. */
  _id: text(),
  ownerId: text<UserId | null>(),
  seesEveryFile: flag(),
  url: text(),
  events: mixed<WebhookEventType[]>(),
  fileId: text<FileId | null>(),
  secret: text(),
  createdAt: date(),
  isActive: flag(),
}).index({ ownerId: 1, createdAt: 1, _id: 1 });
export type WebhookDoc = DocumentOf<typeof webhooks>;

/** A delivery: one event for one webhook. */
export const deliveries = schemaOf({
  /** Sorts by time. */
  _id: text(),
  webhookId: text(),
  eventId: text(),
  fileId: text<FileId>(),
  type: text<WebhookEventType>(),
  state: text<DeliveryState>(),
  attempts: number(),
  lastStatus: number<number | null>(),
  lastError: text<string | null>(),
  createdAt: date(),
  /** Pending since its creation or its replay. */
  since: date(),
  lastAttemptAt: date<Date | null>(),
  /** While an attempt is under way: when its gateway counts as dead. */
  nextAttemptAt: date<Date | null>(),
  /** The generation whose removal it waits for; null: it waits for none. */
  removal: text<Generation | null>(),
  body: text(),
})
  .index({ webhookId: 1, eventId: 1 }, { unique: true })
  .index({ webhookId: 1, _id: -1 })
  .index({ state: 1, nextAttemptAt: 1 })
  .index({ state: 1, webhookId: 1, nextAttemptAt: 1 })
  .index({ createdAt: 1 });
export type DeliveryDoc = DocumentOf<typeof deliveries>;
