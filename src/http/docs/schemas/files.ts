/** The answers about files: stats, results and batches. */
import { z } from 'zod';
import { BREAKDOWNS, type Breakdown } from '../../../domain/breakdown.js';
import type { EmailEntry, EmailsPage, FileEmails } from '../../../domain/events.js';
import type { Overview } from '../../../domain/overview.js';
import { FILE_STATUSES, type Stats } from '../../../domain/stats.js';
import { CATEGORIES, RISK_LEVELS, STATUSES, type Status } from '../../../domain/verdict.js';
import { BATCH_STATUSES } from '../../../store/store.js';
import { count, details, entries, nextCursor, time } from './shapes.js';

const statusCount = (status: Status) => {
  const categories = Object.values(CATEGORIES[status]);
  return categories.length === 0
    ? z.object({ count })
    : z.object({ count, categories: entries([...categories, 'other'], count) });
};

export const submission = z
  .object({
    total: count.describe('addresses to be submitted'),
    submitted: count.describe('of these accepted by the validator, and registered'),
    uncertain: count.describe('the validator may have accepted them: its answer was lost'),
    error: z
      .string()
      .nullable()
      .describe(
        '`validator_unavailable`, `rate_limited`: tried again by itself; `validator_refused`, `payload_too_large`: stopped until it is retried; null: nothing is wrong',
      ),
  })
  .describe('how far the submission of a list is');

export const stats = z.object({
  fileId: z.string(),
  epoch: z
    .string()
    .describe('names one unbroken run of revisions; another one means: start over from the snapshot'),
  revision: count.describe('counts the changes of the file inside one epoch'),
  status: z.enum(FILE_STATUSES),
  progress: z.object({ total: count, processed: count, skipped: count, percentage: count.max(100) }),
  batches: z.object({ total: count, completed: count, failed: count, stalled: count }),
  stats: z.object({
    deliverable: statusCount('deliverable'),
    undeliverable: statusCount('undeliverable'),
    risky: statusCount('risky'),
    unknown: statusCount('unknown'),
  }),
  risk: entries(RISK_LEVELS, count),
  throughput: z.object({
    emailsPerSecond: z
      .number()
      .min(0)
      .nullable()
      .describe(
        'of late; over all once the file has ended; null while every batch that has not ended is silent',
      ),
    etaSeconds: count.nullable().describe('null while it is not known, and once the file has ended'),
  }),
  submission: submission.nullable().describe('null: not submitted as a list'),
  createdAt: time.nullable(),
  lastUpdated: time.nullable(),
  completedAt: time.nullable(),
}) satisfies z.ZodType<Stats>;

export const overview = z.object({
  files: entries(FILE_STATUSES, count).extend({ total: count }),
  progress: stats.shape.progress,
  stats: stats.shape.stats,
  risk: stats.shape.risk,
  lastUpdated: time.nullable(),
}) satisfies z.ZodType<Overview>;

export const result = z.object({
  email: z.string().describe('what the customer sent; may be no valid address'),
  is_valid: z.boolean().nullable(),
  status: z.enum(STATUSES),
  risk_level: z.enum(RISK_LEVELS).nullable(),
  deliverability_score: z.number().nullable(),
  details: details.nullable().describe('as the validator sent it; its texts are chosen by remote servers'),
  batchId: z.string(),
  position: count.describe('position in the batch, from 0'),
}) satisfies z.ZodType<EmailEntry>;

export const emailsPage = z.object({
  emails: z.array(result),
  pagination: z.object({ total: count, page: count, limit: count, pages: count }),
}) satisfies z.ZodType<EmailsPage>;

const verdicts = entries(STATUSES, count).extend({ count });

export const breakdown = z.object({
  by: z.enum(BREAKDOWNS),
  revision: count.describe('of the file when this was answered'),
  complete: z.boolean().describe('the file has ended, and all its results are counted'),
  items: z.array(verdicts.extend({ value: z.string() })).describe('the largest first'),
  other: verdicts.describe('results whose value is not among the items'),
  none: verdicts.describe('results without a value'),
}) satisfies z.ZodType<Breakdown>;

export const fileEmails = z.object({
  fileId: z.string(),
  epoch: z.string(),
  revision: count,
  previous: count.describe('revision of the file_emails before this one; 0: none'),
  emails: z.array(result),
  truncated: z
    .array(z.object({ batchId: z.string(), length: count }))
    .exactOptional()
    .describe('batches that are shorter now: first drop their results from position `length` on'),
}) satisfies z.ZodType<FileEmails>;

const batchCount = z.object({
  count,
  since: time.nullable().describe('the oldest time of a last update among them'),
});
export const snapshot = z.object({
  stats,
  emails: emailsPage,
  batches: entries(BATCH_STATUSES, batchCount),
});
export const fileList = z.object({ items: z.array(stats), nextCursor });

export const batch = z.object({
  batchId: z.string(),
  status: z.enum(BATCH_STATUSES),
  totalEmails: count.nullable(),
  processed: count,
  skipped: count,
  since: time.describe('time of its last update, else of its registration'),
});
export const batchList = z.object({ items: z.array(batch), nextCursor });
