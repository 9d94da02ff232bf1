/** The Socket.IO events of a file's feeds, with their payloads, and the requests of listeners with their answers. */

import type { BatchId, Epoch, FileId } from './id.js';
import { type PlacedResult, placedJson } from './result.js';
import type { Stats } from './stats.js';
import type { RiskLevel, Status } from './verdict.js';

/** The two feeds of a file. */
export const FEEDS = ['stats', 'emails'] as const;
export type FeedName = (typeof FEEDS)[number];

/** A point in a file's feed: the revision counts the changes inside one epoch, 1, 2, 3 … without holes. */
export interface Cursor {
  readonly epoch: Epoch;
  readonly revision: number;
}

export const eventName = (feed: FeedName): 'file_stats' | 'file_emails' => `file_${feed}`;
/** Name of a feed's Socket.IO room and of its Redis channel. */
export const roomOf = (feed: FeedName, fileId: FileId): string => `${eventName(feed)}:${fileId}`;

/** A result as listeners and REST callers get it. A later one for the same batch and position replaces it. */
export interface EmailEntry {
  email: string;
  is_valid: boolean | null;
  status: Status;
  risk_level: RiskLevel | null;
  deliverability_score: number | null;
  details: Record<string, unknown> | null;
  batchId: BatchId;
  /** Counts from 0 inside the batch. */
  position: number;
}

/** A batch that was run again and is shorter now: its results from position `length` on are gone. */
export interface Truncation {
  batchId: BatchId;
  length: number;
}

export interface FileEmails {
  fileId: FileId;
  epoch: Epoch;
  revision: number;
  /** Revision of the `file_emails` before this one; 0: there is none in this epoch. */
  previous: number;
  emails: EmailEntry[];
  truncated?: Truncation[];
}

export interface EmailsPage {
  emails: EmailEntry[];
  pagination: { total: number; page: number; limit: number; pages: number };
}

export interface SubscribeRequest {
  fileId: FileId;
  feeds?: FeedName[];
  since?: Cursor;
}

export interface Subscribed {
  ok: true;
  fileId: FileId;
  epoch: Epoch;
  revision: number;
  /** True: `missed` holds every `file_emails` after `since`. False: start over from `stats` and `emails`. */
  recovered: boolean;
  stats: Stats;
  emails?: EmailsPage;
  missed?: FileEmails[];
}

export interface Refused {
  ok: false;
  error: { code: string; message: string; retryable: boolean };
}

export interface ServerToClientEvents {
  file_stats: (stats: Stats) => void;
  file_emails: (emails: FileEmails) => void;
  file_deleted: (file: { fileId: FileId }) => void;
  unsubscribed: (ended: { fileId: FileId; code: string }) => void;
  server_draining: (advice: { reconnectInMs: number }) => void;
}

export interface ClientToServerEvents {
  subscribe: (request: SubscribeRequest, answer: (reply: Subscribed | Refused) => void) => void;
  unsubscribe: (request: { fileId: FileId }, answer: (reply: { ok: true } | Refused) => void) => void;
  refresh: (
    request: { token: string },
    answer: (reply: { ok: true; expiresAt: string | null } | Refused) => void,
  ) => void;
}

/** The JSON of a `file_emails` payload, put together from results that are JSON already. */
export function emailsPayload(
  event: Omit<FileEmails, 'emails' | 'truncated'>,
  emails: readonly PlacedResult[],
  truncated: readonly Truncation[],
): string {
  const { fileId, epoch, revision, previous } = event;
  const head = JSON.stringify({ fileId, epoch, revision, previous }).slice(0, -1);
  const tail = truncated.length === 0 ? '' : `,"truncated":${JSON.stringify(truncated)}`;
  const [before, after] = [`${head},"emails":[`, `]${tail}}`];
  if (emails.length === 0) return before + after;
  const entries = emails.map(placedJson);
  // Joined with the rest in one go: a long text that is added to is copied once more when it is read.
  entries[0] = before + entries[0];
  entries[entries.length - 1] += after;
  return entries.join(',');
}
