/** The JSON shapes of the REST surface and the socket, for their descriptions; tests check real answers by them. */
import { z } from 'zod';
import { BREAKDOWNS, type Breakdown } from '../../domain/breakdown.js';
import type { EmailEntry, EmailsPage, FileEmails } from '../../domain/events.js';
import { DELIMITERS } from '../../domain/list-summary.js';
import { FILE_STATUSES, type Overview } from '../../domain/overview.js';
import { MAX_RESULTS } from '../../domain/read-update.js';
import { countSchema, idSchema } from '../../domain/schemas.js';
import type { Stats } from '../../domain/stats.js';
import { CATEGORIES, RISK_LEVELS, STATUSES, type Status } from '../../domain/verdict.js';
import { ERRORS, type ErrorCode } from '../../errors.js';
import type { Dependency } from '../../health/dependency-watch.js';
import { REFUSAL_REASONS, type Refusal } from '../../refusal.js';
import { BATCH_STATUSES } from '../../store/store.js';
import { WEBHOOK_EVENTS } from '../../store/webhooks.js';
import type { ListAnswer } from '../lists/list-answer.js';
import type { Limits } from '../routes/lists.js';

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

const submission = z
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

export const limits = z.object({
  listBytes: count.describe('of an uploaded list, `MAX_LIST_BYTES`'),
  listRows: count.describe('of an uploaded list, `MAX_LIST_ROWS`'),
  emails: count.describe('submitted as `emails`, `MAX_EMAILS_PER_VALIDATION`'),
}) satisfies z.ZodType<Limits>;

/** An object, in practice: it is stored as it came, and PHP writes an empty one as a list. */
const details = z
  .custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null)
  .meta({
    anyOf: [
      { type: 'object', additionalProperties: {} },
      { type: 'array', items: {} },
    ],
  });

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
const cells = z.array(z.string());
const ofColumn = count.nullable().describe('of the email column; null: it is not known which one is meant');
export const uploadedList = z
  .object({
    listId: z.string(),
    name: z.string(),
    format: z.enum(['csv', 'text', 'xlsx']),
    encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']),
    delimiter: z.enum(DELIMITERS).nullable(),
    header: z.boolean().describe('the first row names the columns'),
    columns: z.array(
      z.object({
        index: count,
        name: z.string().nullable().describe('null: the list has no header'),
        addresses: count.describe('cells that look like an address, repeats among them'),
      }),
    ),
    emailColumn: count.nullable().describe('null: two columns or more may be meant; say which one'),
    rows: count.describe('without the header and without empty rows'),
    unique: ofColumn,
    repeats: ofColumn,
    withoutAt: ofColumn,
    sample: z.array(cells).describe('the first rows, the header among them; long cells are cut'),
    expiresAt: time.nullable().describe('null: a file uses it, and it is deleted with that'),
  })
  .meta({
    examples: [
      {
        listId: '8a1f6f0e-7a55-4a0b-9d3e-0c4a7d0c2f11',
        name: 'customers.csv',
        format: 'csv',
        encoding: 'windows-1252',
        delimiter: ';',
        header: true,
        columns: [
          { index: 0, name: 'E-Mail', addresses: 49_630 },
          { index: 1, name: 'Name', addresses: 0 },
        ],
        emailColumn: 0,
        rows: 50_000,
        unique: 49_100,
        repeats: 900,
        withoutAt: 370,
        sample: [
          ['E-Mail', 'Name'],
          ['ann@example.com', 'Ann'],
        ],
        expiresAt: '2026-11-28T11:00:00.000Z',
      },
    ],
  }) satisfies z.ZodType<ListAnswer>;

const nextCursor = z.string().nullable().describe('null: this was the last page');
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

export const registered = z.object({
  fileId: z.string(),
  requestId: z.string().nullable(),
  batchIds: z.array(z.string()),
  totalEmails: count.nullable(),
  status: z.enum([...stats.shape.status.options, 'superseded']),
});
export const submitted = registered.extend({
  repeats: count.describe('addresses that are the same text as an earlier one; they were submitted too'),
  submission: submission.nullable().describe('null: the addresses came with the request'),
});
export const retried = z.object({ fileId: z.string(), submission });
export const outcome = z.object({ outcome: z.enum(['applied', 'unchanged', 'held', 'superseded']) });

export const deadLetter = z.object({
  id: z.string(),
  inlet: z.string().describe('the inlet it came through: `pubsub`, `stream`'),
  reason: z.string().describe('why it could not be read, and whether it was too large to be kept whole'),
  receivedAt: time,
  payload: z.string().describe('the message as it was received'),
});
export const deadLetterList = z.object({ items: z.array(deadLetter), nextCursor });

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
  allFiles: z.boolean().describe('it gets the events of all files, whoever owns them'),
  active: z.boolean().describe('false: its receiver answered 410'),
});
export const webhookList = z.object({ items: z.array(webhook), nextCursor });
const deliveryState = z.enum(['pending', 'delivered', 'failed']);
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

export const alive = z.object({ status: z.literal('ok') });
const refusal = z.object({
  reason: z.enum(REFUSAL_REASONS),
  code: z.string().describe("the code word of the server's reply, or the class of the error"),
  hint: z.string().exactOptional().describe('what the operator can do'),
}) satisfies z.ZodType<Refusal>;
export const notReady = z.object({
  status: z.literal('unavailable'),
  reasons: z.array(z.string()),
  dependencies: z
    .object({ database: refusal.exactOptional(), redis: refusal.exactOptional() } satisfies Record<
      Dependency,
      z.ZodType
    >)
    .exactOptional()
    .describe('what each server that cannot be used has said'),
});

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

export const listenerCount = z.object({ listeners: count, gateways: count });
export const revoked = z.object({ sockets: count });

/** A result as producers send it. All but the address may be missing, and what is not known is read as null. */
const sentResult = z.looseObject({
  email: z.string().describe('to the letter; it may be no address at all'),
  is_valid: z.boolean().nullish(),
  status: z
    .string()
    .nullish()
    .describe(`${STATUSES.join(', ')}; another one counts as unknown`),
  risk_level: z
    .string()
    .nullish()
    .describe(`${RISK_LEVELS.join(', ')}; another one counts as none given`),
  deliverability_score: z.number().nullish(),
  details: details.nullish(),
});

const unlessFailed = 'required unless `failed` is true';

/** An update as the inlets read it. */
export const update = z.looseObject({
  batchId: idSchema,
  isComplete: z.boolean().optional().describe(unlessFailed),
  totalEmails: countSchema.optional().describe(unlessFailed),
  processedCount: countSchema.optional().describe(unlessFailed),
  validatedEmails: z
    .array(sentResult)
    .max(MAX_RESULTS)
    .optional()
    .describe(`every result of the batch so far; ${unlessFailed}`),
  lastUpdated: z.string().nullish().describe('orders nothing'),
  fileId: idSchema.nullish().describe('registers the batch by itself'),
  requestId: idSchema.nullish(),
  totalBatches: countSchema.nullish().describe('of the request'),
  failed: z.boolean().nullish(),
  error: z.string().nullish(),
});

/** Named schemas as JSON Schema, each once; a schema that contains another one refers to it. */
export function components(named: Readonly<Record<string, z.ZodType>>): {
  schemas: Record<string, unknown>;
  refer: (schema: z.ZodType) => { $ref: string };
} {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return {
    schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)])),
    refer(schema) {
      const id = registry.get(schema)?.id;
      if (id === undefined) throw new Error('a documented schema has no name');
      return { $ref: `#/components/schemas/${id}` };
    },
  };
}

/** OpenAPI and AsyncAPI fix the dialect, and find a schema by its path in the document. */
const bare = ({ $schema, $id, ...schema }: { $schema?: unknown; $id?: unknown }) => schema;
