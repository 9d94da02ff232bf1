import { z } from 'zod';
import { countSchema, idSchema } from '../domain/schemas.js';

const MAX_BATCHES = 100_000;
const MAX_REASON_LENGTH = 1000;
const MAX_ERRORS = 10;

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? null);

const boundedList = (max: number) =>
  z.array(z.unknown()).min(1, 'must not be empty').max(max, `must have at most ${max} entries`);

/**
 * A list of 1 to `max` items. Zod's own would look at every entry of a list that is far too long, and keep an issue for
 * each that is wrong: a body of 16 MiB can hold millions.
 */
function listOf<T extends z.ZodType>(item: T, max: number) {
  return boundedList(max)
    .meta({ items: z.toJSONSchema(item, { io: 'input' }) })
    .transform((entries, context) => {
      const items: z.output<T>[] = [];
      for (const [index, entry] of entries.entries()) {
        const parsed = item.safeParse(entry);
        if (parsed.success) items.push(parsed.data);
        else {
          const issues = parsed.error.issues.map(({ path, message }) => ({
            path: [index, ...path],
            message,
          }));
          for (const issue of issues) context.addIssue({ code: 'custom', ...issue });
          if (context.issues.length >= MAX_ERRORS) break;
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

const flag = z.boolean().default(true);
/** What is to be checked. Strict: a flag that is misspelt would else be a check that nobody wanted. */
const flags = z.strictObject(
  { check_mx: flag, check_smtp: flag, check_disposable: flag, check_catch_all: flag, check_blacklist: flag },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? 'has a flag that does not exist' : undefined) },
);

/** The entries of `emails` are read apart, see address-list.ts: a schema would hold up everybody with a long list. */
export const validationBody = (maxEmails: number) =>
  z.object({
    emails: boundedList(maxEmails).meta({ items: { type: 'string' } }),
    flags: flags.nullish().transform((given) => given ?? flags.parse({})),
  });
