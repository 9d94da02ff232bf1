/** The answers about webhooks. */
import { z } from 'zod';
import { DELIVERY_STATES, WEBHOOK_EVENTS } from '../../../store/webhooks.js';
import { count, nextCursor, time } from './shapes.js';

const webhookEvents = z.array(z.enum(WEBHOOK_EVENTS));
export const newWebhook = z.object({
  webhookId: z.string(),
  url: z.string(),
  events: webhookEvents,
  fileId: z.string().optional().describe("only this file's events"),
  secret: z.string().describe('signs the deliveries; it is shown here only'),
});
const webhook = newWebhook.omit({ secret: true }).extend({
  fileId: z.string().nullable(),
  createdAt: time,
  userId: z.string().nullable().describe('who registered it'),
  allFiles: z.boolean().describe('it gets the events of the files of all users'),
  active: z.boolean().describe('false: its receiver answered 410'),
});
export const webhookList = z.object({ items: z.array(webhook), nextCursor });
const deliveryState = z.enum(DELIVERY_STATES);
const delivery = z.object({
  id: z.string().describe('the `webhook-id` of each attempt'),
  type: z.enum(WEBHOOK_EVENTS),
  state: deliveryState,
  attempts: count,
  lastStatus: z.number().int().nullable().describe('status of the last answer; null: none came'),
  lastError: z.string().nullable().describe('why no answer came, as a code word'),
  createdAt: time,
  lastAttemptAt: time.nullable(),
  nextAttemptAt: time.nullable(),
});
export const deliveryList = z.object({ items: z.array(delivery), nextCursor });
export const replayedDelivery = z.object({ id: z.string(), state: deliveryState });
