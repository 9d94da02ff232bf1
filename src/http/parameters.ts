import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { type FieldError, InvalidInput } from '../domain/invalid-input.js';
import { fieldErrors } from '../domain/schemas.js';
import { RISK_LEVELS, STATUSES } from '../domain/verdict.js';
import { FIRST_PAGE } from '../snapshot/snapshots.js';
import { BATCH_STATUSES } from '../store/store.js';

const MAX_LIMIT = 500;
/** Keeps page × limit an exact integer. */
const MAX_PAGE = 1_000_000_000_000;
/** Longer than any address that a mail server would take. */
const MAX_PREFIX_LENGTH = 1024;
const MAX_CURSOR_LENGTH = 4096;
const MAX_ERRORS = 10;

/** A whole number from 1 in plain digits: `1e3`, `+5`, `2.0`, `007` and the empty text are refused. */
const counted = (max: number, fallback: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,12}$/, `must be a whole number from 1 to ${max}`)
    .transform(Number)
    .pipe(z.number().int().min(1).max(max, `must be a whole number from 1 to ${max}`))
    .default(fallback);

const limit = counted(MAX_LIMIT, FIRST_PAGE.limit);
const status = z.enum(STATUSES).optional();
const cursor = z.string().max(MAX_CURSOR_LENGTH).optional();

export const listQuery = z.object({ limit, cursor });
export const batchesQuery = listQuery.extend({ status: z.enum(BATCH_STATUSES).optional() });
export const emailsQuery = z.object({
  page: counted(MAX_PAGE, FIRST_PAGE.page),
  limit,
  status,
  risk: z.enum(RISK_LEVELS).optional(),
  email: z
    .string()
    .max(MAX_PREFIX_LENGTH)
    .transform((prefix) => prefix || undefined)
    .optional(),
});
export const exportQuery = z.object({ format: z.enum(['csv', 'ndjson']).default('csv'), status });

/**
 * Reads the query parameters of a schema; others are ignored. Express's parsers guess (`limit[]=5`, `limit=5&limit=6`
 * become arrays, bad percent-encoding stays as it is): here each of those is an error that names its field.
 */
export function readQuery<S extends z.ZodObject>(req: IncomingMessage, schema: S): z.output<S> {
  const parsed = schema.safeParse(givenIn(req.url ?? '', schema.shape));
  if (!parsed.success) throw new InvalidInput(fieldErrors(parsed.error));
  return parsed.data;
}

function givenIn(url: string, fields: object): Record<string, string> {
  const mark = url.indexOf('?');
  if (mark < 0) return {};
  const given: Record<string, string> = {};
  const errors: FieldError[] = [];
  for (const pair of url.slice(mark + 1).split('&')) {
    const [name = '', ...value] = pair.split('=');
    const key = decode(name) ?? '';
    const field = key.replace(/\[.*$/s, '');
    if (!Object.hasOwn(fields, field)) continue;
    const text = decode(value.join('='));
    if (text === null) errors.push({ field, message: 'is not valid percent-encoding' });
    else if (key !== field || Object.hasOwn(given, field))
      errors.push({ field, message: 'must be given once' });
    else given[field] = text;
  }
  if (errors.length > 0) throw new InvalidInput(errors.slice(0, MAX_ERRORS));
  return given;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
