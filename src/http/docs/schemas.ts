import { z } from 'zod';
import type { EmailEntry, EmailsPage, FileEmails } from '../../domain/events.js';
import type { Stats } from '../../domain/stats.js';
import { CATEGORIES, RISK_LEVELS, STATUSES, type Status } from '../../domain/verdict.js';
import { ERRORS } from '../../errors.js';
import { BATCH_STATUSES } from '../../store/store.js';

/** The shapes that leave the gateway, for its documents; the tests hold real answers against them. */

const count = z.number().int().min(0);
const time = z.iso.datetime();
const entries = <K extends string, T extends z.ZodType>(keys: readonly K[], schema: T) =>
  z.object(Object.fromEntries(keys.map((key) => [key, schema])) as Record<K, T>);

const counted = (status: Status) => {
  const categories = Object.values(CATEGORIES[status]);
  return categories.length === 0
    ? z.object({ count })
    : z.object({ count, categories: entries([...categories, 'other'], count) });
};

export const stats = z.object({
  fileId: z.string(),
  epoch: z.string().describe('names one life of the feed; another one means: start over from the snapshot'),
  revision: count.describe('counts the changes of the file inside one epoch'),
  status: z.enum(['pending', 'processing', 'completed', 'failed', 'purged']),
  progress: z.object({ total: count, processed: count, skipped: count, percentage: count.max(100) }),
  batches: z.object({ total: count, completed: count, failed: count, stalled: count }),
  stats: z.object({
    deliverable: counted('deliverable'),
    undeliverable: counted('undeliverable'),
    risky: counted('risky'),
    unknown: counted('unknown'),
  }),
  risk: entries(RISK_LEVELS, count),
  throughput: z.object({ emailsPerSecond: z.number().min(0), etaSeconds: count.nullable() }),
  createdAt: time.nullable(),
  lastUpdated: time.nullable(),
  completedAt: time.nullable(),
}) satisfies z.ZodType<Stats>;

export const result = z.object({
  email: z.string().describe('what the customer sent; may be no address at all'),
  is_valid: z.boolean().nullable(),
  status: z.enum(STATUSES),
  risk_level: z.enum(RISK_LEVELS).nullable(),
  deliverability_score: z.number().nullable(),
  details: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('as it came; its texts are chosen by remote servers'),
  batchId: z.string(),
  position: count.describe('place in the batch, from 0'),
}) satisfies z.ZodType<EmailEntry>;

export const emailsPage = z.object({
  emails: z.array(result),
  pagination: z.object({ total: count, page: count, limit: count, pages: count }),
}) satisfies z.ZodType<EmailsPage>;

export const fileEmails = z.object({
  fileId: z.string(),
  epoch: z.string(),
  revision: count,
  previous: count.describe('revision of the file_emails before this one; 0: none'),
  emails: z.array(result),
  truncated: z
    .array(z.object({ batchId: z.string(), length: count }))
    .exactOptional()
    .describe('batches that are shorter now: drop their places from `length` on first'),
}) satisfies z.ZodType<FileEmails>;

const standing = z.object({ count, since: time.nullable().describe('time of the oldest news among them') });
export const snapshot = z.object({
  stats,
  emails: emailsPage,
  batches: entries(BATCH_STATUSES, standing),
});
const nextCursor = z.string().nullable().describe('null: this was the last page');
export const fileList = z.object({ items: z.array(stats), nextCursor });

export const batch = z.object({
  batchId: z.string(),
  status: z.enum(BATCH_STATUSES),
  totalEmails: count.nullable(),
  processed: count,
  skipped: count,
  since: time.describe('time of its last news, else of its registration'),
});
export const batchList = z.object({ items: z.array(batch), nextCursor });

export const registered = z.object({
  fileId: z.string(),
  requestId: z.string().nullable(),
  batchIds: z.array(z.string()),
  totalEmails: count.nullable(),
  status: z.enum([...stats.shape.status.options, 'superseded']),
});
export const submitted = registered.extend({
  repeats: count.describe('addresses that stood in the list before; they were submitted all the same'),
  replaced: z.boolean().describe('the file had results of an earlier request'),
});
export const outcome = z.object({ outcome: z.enum(['applied', 'unchanged', 'held', 'superseded']) });

export const deadLetter = z.object({
  id: z.string(),
  inlet: z.string().describe('what it came by: `pubsub`, `stream`'),
  reason: z.string().describe('why it could not be taken in, and whether it was too large to be kept whole'),
  receivedAt: time,
  payload: z.string().describe('the message as it came'),
});
export const deadLetterList = z.object({ items: z.array(deadLetter), nextCursor });

export const alive = z.object({ status: z.literal('ok') });
export const notReady = z.object({ status: z.literal('unavailable'), reasons: z.array(z.string()) });

type ErrorCode = keyof typeof ERRORS;
export const REST_CODES = (Object.keys(ERRORS) as ErrorCode[]).filter(
  (code) => code !== 'too_many_subscriptions',
);

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(REST_CODES),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

/** An update as the inlets read it. */
export const update = z.looseObject({
  batchId: z.string().min(1).max(256),
  isComplete: z.boolean(),
  totalEmails: count,
  processedCount: count,
  validatedEmails: z.array(z.looseObject({ email: z.string() })),
  lastUpdated: z.string().optional(),
  fileId: z.string().nullish(),
  requestId: z.string().nullish(),
  totalBatches: count.nullish(),
  failed: z.boolean().nullish(),
  error: z.string().nullish(),
});
