/** The schemas of request bodies. */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { MAX_FIELD_ERRORS } from '../domain/invalid-input.js';
import { countSchema, idSchema, inOurWords, optional, requiring, withDefault } from '../domain/schemas.js';
import { WEBHOOK_EVENTS } from '../store/webhooks.js';
import { MAX_URL_LENGTH } from '../webhooks/webhook-url.js';

const MAX_BATCHES = 100_000;
const MAX_REASON_LENGTH = 1000;

/** Zod's own array would look at every entry, and a body can hold millions. */
const boundedList = (max: number) =>
  z
    .custom<readonly unknown[]>(Array.isArray, 'must be a list')
    .refine((entries) => entries.length > 0, 'must not be empty')
    .refine((entries) => entries.length <= max, `must have at most ${max} entries`)
    .meta({ type: 'array', minItems: 1, maxItems: max });

/** Entries read before the event loop gets a turn. */
const ENTRIES_PER_TURN = 1_000;

/** Without the dialect, which the document that it becomes part of names. */
const jsonSchemaOf = (item: z.ZodType) => {
  const { $schema: _, ...schema } = z.toJSONSchema(item, { io: 'input' });
  return schema;
};

/** A list of 1 to `max` items, read in turns. Zod's own array would keep an issue for each wrong one. */
function listOf<T extends z.ZodType>(item: T, max: number) {
  return boundedList(max)
    .meta({ items: jsonSchemaOf(item) })
    .transform(async (entries, context) => {
      const items: z.output<T>[] = [];
      for (const [index, entry] of entries.entries()) {
        if (index % ENTRIES_PER_TURN === ENTRIES_PER_TURN - 1) await setImmediate();
        const parsed = item.safeParse(entry, { error: inOurWords });
        if (parsed.success) items.push(parsed.data);
        else {
          const issues = parsed.error.issues.map(({ path, message }) => ({
            path: [index, ...path],
            message,
          }));
          for (const issue of issues) context.addIssue({ code: 'custom', ...issue });
          if (context.issues.length >= MAX_FIELD_ERRORS) break;
        }
      }
      return items;
    });
}

export const batchListBody = z.object({
  requestId: optional(idSchema),
  userId: optional(idSchema),
  totalEmails: optional(countSchema),
  batches: listOf(z.object({ batchId: idSchema, totalEmails: optional(countSchema) }), MAX_BATCHES),
});
export type BatchList = z.output<typeof batchListBody>;

export const failBody = z.object({
  reason: z
    .string()
    .min(1)
    .max(MAX_REASON_LENGTH)
    .transform((reason) => reason.toWellFormed()),
});

export const revokeBody = z.object({ sub: idSchema });
const EVENTS = `must be one of ${WEBHOOK_EVENTS.join(', ')}`;

/** The URL itself is checked in webhooks/webhook-url.ts. */
export const webhookBody = z.object({
  url: z.string().meta({ format: 'uri', maxLength: MAX_URL_LENGTH }),
  events: withDefault(
    z.array(z.enum(WEBHOOK_EVENTS, EVENTS)).min(1, 'must not be empty').max(WEBHOOK_EVENTS.length),
    [...WEBHOOK_EVENTS],
  ).transform((given) => [...new Set(given)]),
  fileId: optional(idSchema),
});

const flag = withDefault(z.boolean(), true);
/** The checks that the validator is to make. Strict: a misspelt flag would leave a check on that the caller turned off. */
const flags = z.strictObject(
  { check_mx: flag, check_smtp: flag, check_disposable: flag, check_catch_all: flag, check_blacklist: flag },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? 'has an unknown flag' : undefined) },
);

/** The entries of `emails` are read in address-list.ts: checking a long list here would block the event loop. */
export const validationBody = (maxEmails: number) =>
  z
    .object({
      emails: optional(boundedList(maxEmails).meta({ items: { type: 'string' } })),
      listId: optional(idSchema).describe('an uploaded list, instead of `emails`'),
      column: optional(countSchema).describe('the column with the addresses, from 0; where two may be meant'),
      repeats: withDefault(z.enum(['drop', 'keep']), 'drop').describe(
        'of a list: whether an address that stands in it again is checked again',
      ),
      flags: withDefault(flags, flags.parse({})),
      replace: withDefault(z.boolean(), false),
    })
    .meta({ if: requiring('listId'), else: requiring('emails') });
