/** The bodies of updates, registrations and submissions, and the answers to them. */
import { z } from 'zod';
import { MAX_RESULTS } from '../../../domain/read-update.js';
import { countSchema, idSchema, requiring } from '../../../domain/schemas.js';
import { RISK_LEVELS, STATUSES } from '../../../domain/verdict.js';
import { UPDATE_OUTCOMES } from '../../../store/store.js';
import { stats, submission } from './files.js';
import { count, details } from './shapes.js';

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
export const outcome = z.object({ outcome: z.enum(UPDATE_OUTCOMES) });

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

/** In words it is said for each field, by `unlessFailed`: generators of clients ignore conditions. */
const NEEDED_UNLESS_FAILED = {
  if: { properties: { failed: { const: true } }, required: ['failed'], additionalProperties: true },
  else: requiring('isComplete', 'totalEmails', 'processedCount', 'validatedEmails'),
};

/** An update as the inlets read it. */
export const update = z
  .looseObject({
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
  })
  .meta(NEEDED_UNLESS_FAILED);
