import type { Entry, Tally } from './tally.js';

/** The messages of the socket, written from its documentation and not taken from the gateway's code. */
export interface Cursor {
  epoch: string;
  revision: number;
}

export interface StatsEvent extends Cursor, Omit<Tally, 'processed'> {
  fileId: string;
  status: string;
  progress: { total: number; processed: number; skipped: number; percentage: number };
  batches: { total: number; completed: number; failed: number; stalled: number };
  submission: { total: number; submitted: number; uncertain: number; error: string | null } | null;
}

export interface EmailsEvent extends Cursor {
  fileId: string;
  previous: number;
  emails: Entry[];
  truncated?: { batchId: string; length: number }[];
}

export interface Refusal {
  ok: false;
  error: { code: string; message: string; retryable: boolean };
}

export interface Subscription extends Cursor {
  ok: true;
  fileId: string;
  recovered: boolean;
  stats: StatsEvent;
  emails?: { emails: Entry[]; pagination: { total: number; page: number; limit: number; pages: number } };
  missed?: EmailsEvent[];
}

export type Feed = 'stats' | 'emails';
export type FeedEvent = { feed: 'stats'; body: StatsEvent } | { feed: 'emails'; body: EmailsEvent };
