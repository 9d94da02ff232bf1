/**
 * Derives webhook events from a change of stats, and picks their webhooks. MongoDB compares with the state before in the write
 * itself: its conditions, one for each event, are in mongo/changes.ts.
 */
import { createHash } from 'node:crypto';
import type { FileId, Generation, UserId } from '../domain/id.js';
import type { Stats } from '../domain/stats.js';
import type { AttemptResult, DeliveryState, Webhook, WebhookEventType } from './webhooks.js';

/** The part of a file's stats that decides about events. */
export interface AnnouncedState {
  readonly status: Stats['status'];
  readonly stalled: number;
}

/** An event as it is stored, with its owner at that time. */
export interface FileEvent {
  /** The same in each repetition of the step that stored it. */
  readonly id: string;
  readonly type: WebhookEventType;
  readonly fileId: FileId;
  readonly ownerId: UserId | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** JSON of `data`. */
  readonly data: string;
}

const ENDED = { completed: 'file.completed', failed: 'file.failed', purged: 'file.purged' } as const;

export const stateOf = ({ status, batches }: Stats): AnnouncedState => ({ status, stalled: batches.stalled });

/** Most states trigger no event, and their flush need not look at the state before. */
export const mayTriggerEvent = ({ status, stalled }: AnnouncedState): boolean =>
  status in ENDED || stalled > 0;

/** Events that a change of stats triggers. */
export type StatsEventType = Exclude<WebhookEventType, 'file.deleted'>;

/** The events between two announced states of a file; `before` null: nothing was announced yet. */
export function eventsBetween(before: AnnouncedState | null, after: AnnouncedState): StatsEventType[] {
  const ended = after.status in ENDED && before?.status !== after.status;
  const events: StatsEventType[] = ended ? [ENDED[after.status as keyof typeof ENDED]] : [];
  if (after.stalled > 0 && (before?.stalled ?? 0) === 0) events.push('file.stalled');
  return events;
}

/** The event of a file's deletion: its id tells which generation was removed. */
export const deletionOf = (
  {
    generation,
    fileId,
    ownerId,
  }: {
    readonly generation: Generation | number;
    readonly fileId: FileId;
    readonly ownerId: UserId | null;
  },
  at: number,
): FileEvent => ({
  id: `${generation} file.deleted`,
  type: 'file.deleted',
  fileId,
  ownerId,
  at,
  data: JSON.stringify({ fileId }),
});

/** Whether a webhook gets an event. */
export const isFor = (
  { events, fileId, ownerId, seesEveryFile, isActive }: Webhook,
  event: Pick<FileEvent, 'type' | 'fileId' | 'ownerId'>,
): boolean =>
  isActive &&
  events.includes(event.type) &&
  (fileId === null || fileId === event.fileId) &&
  // A file without an owner is not the file of a caller without a name.
  (seesEveryFile || (ownerId !== null && ownerId === event.ownerId));

/** The id of an event's delivery to a webhook: sorts by time, and is the same when the step that makes it is repeated. */
export function deliveryIdOf(event: FileEvent, webhookId: string): string {
  const hash = createHash('sha256').update(`${event.id}\n${webhookId}`).digest('hex').slice(0, 20);
  return `msg_${event.at.toString(36).padStart(9, '0')}${hash}`;
}

export const stateAfter = (outcome: AttemptResult['outcome']): DeliveryState => DELIVERY_STATES[outcome];

const DELIVERY_STATES = {
  delivered: 'delivered',
  retry: 'pending',
  failed: 'failed',
  gone: 'failed',
} as const;

export const deliveryBody = ({ type, at, data }: FileEvent): string =>
  `{"type":"${type}","timestamp":"${new Date(at).toISOString()}","data":${data}}`;
