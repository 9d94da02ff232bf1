/** The port to the webhooks and what is to be delivered to them. */
import type { FileId, UserId } from '../domain/id.js';

export const WEBHOOK_EVENTS = [
  'file.completed',
  'file.failed',
  'file.stalled',
  'file.purged',
  'file.deleted',
] as const;
export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number];

/** A URL that gets the events of files. */
export interface Webhook {
  readonly webhookId: string;
  /** Who registered it; null: a caller of a gateway with `AUTH=none`. */
  readonly ownerId: UserId | null;
  /** It gets the events of every file, not only of its owner's. */
  readonly seesEveryFile: boolean;
  readonly url: string;
  readonly events: readonly WebhookEventType[];
  /** Only this file's events; null: those of all files that it may see. */
  readonly fileId: FileId | null;
  /** Signs its deliveries: `whsec_` and base64. */
  readonly secret: string;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  /** False: its receiver answered 410 and gets nothing any more. */
  readonly isActive: boolean;
}

export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One event for one webhook. */
export interface Delivery {
  /** The `webhook-id` header of each attempt. Later ones compare greater, by the clocks of their gateways. */
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly type: WebhookEventType;
  readonly state: DeliveryState;
  /** Attempts that were begun. */
  readonly attempts: number;
  /** Status of the last answer; null: none came. */
  readonly lastStatus: number | null;
  /** Why the last attempt failed, without any text of the receiver; null: it did not, or there was none. */
  readonly lastError: string | null;
  readonly createdAt: string;
  readonly lastAttemptAt: string | null;
  /** Null: there will be no other attempt. */
  readonly nextAttemptAt: string | null;
}

/** A delivery that is due, leased to the gateway that attempts it. */
export interface DueDelivery {
  readonly deliveryId: string;
  readonly webhookId: string;
  /** Of the webhook; null: a caller of a gateway with `AUTH=none`. */
  readonly ownerId: UserId | null;
  readonly url: string;
  readonly secret: string;
  /** The JSON to send. */
  readonly body: string;
  /** This attempt included. */
  readonly attempts: number;
  /** Since when it has been pending: its creation, or its replay. Milliseconds since 1970. */
  readonly since: number;
}

export const ATTEMPT_OUTCOMES = ['delivered', 'retry', 'failed', 'gone'] as const;

/** `lastError` of a delivery that was given up because its webhook had too many that were newer. */
export const TOO_MANY = 'too_many_pending';

/** Deliveries of a webhook that were given up, because it had too many. */
export interface GivenUp {
  readonly webhookId: string;
  readonly deliveries: number;
}

/** What became of an attempt. */
export interface AttemptResult {
  readonly status: number | null;
  readonly error: string | null;
  /** `retry`: pending again from `nextAttemptAt` (milliseconds since 1970) on. `gone`: the webhook is ended as well. */
  readonly outcome: (typeof ATTEMPT_OUTCOMES)[number];
  readonly nextAttemptAt: number | null;
}

/** The removal of a webhook is answered by then, however many deliveries it has. */
export const REMOVED_WITHIN_MS = 2_000;

export interface DueQuery {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly limit: number;
  /** After this time a gateway that has not reported its attempt counts as dead. */
  readonly leaseMs: number;
  /** Webhooks that have enough attempts under way. */
  readonly except: readonly string[];
}

export interface DeliveriesQuery {
  readonly limit: number;
  /** Only deliveries older than this id; null: from the newest on. */
  readonly after: string | null;
}

/**
 * Webhooks and what is to be delivered to them. The events of files come from `ChangeStore.markAnnounced` and
 * `FileStore.remove`: they are stored in the same step as the change, so a crash loses none.
 */
export interface WebhookStore {
  /** False: its owner has `max` webhooks already. */
  add(webhook: Webhook, max: number): Promise<boolean>;
  /** Oldest first. `ownerId` undefined: of every owner. */
  list(ownerId: UserId | null | undefined): Promise<Webhook[]>;
  find(webhookId: string): Promise<Webhook | null>;
  /** With its deliveries: those of a long backlog are deleted after the answer. False: there is none. */
  remove(webhookId: string): Promise<boolean>;
  /** Newest first. */
  deliveries(webhookId: string, query: DeliveriesQuery): Promise<Delivery[]>;
  /** Makes a delivery due again, with the same id; false: there is none. */
  replay(webhookId: string, deliveryId: string, now: number): Promise<boolean>;
  /** Takes deliveries that are due, longest due first. Each goes to one gateway, until its lease ends. */
  claimDue(query: DueQuery): Promise<DueDelivery[]>;
  report(deliveryId: string, result: AttemptResult): Promise<void>;
  /**
   * Deletes deliveries that were created before a time (milliseconds since 1970) and are not pending, and what is left of
   * webhooks that were removed. Called at intervals.
   */
  dropSettled(before: number): Promise<void>;
  /**
   * Bounds what each webhook has. Of its pending deliveries the oldest beyond `max` are given up: `failed`, with `TOO_MANY`.
   * Of those that have ended the oldest beyond `max` are deleted. Called at intervals. Answers with what was given up.
   */
  keepWithin(max: number): Promise<GivenUp[]>;
}
