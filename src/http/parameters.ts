/** Reads the parameters of a request: the ids in its path, and its query. */
import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { z } from 'zod';
import { BREAKDOWNS } from '../domain/breakdown.js';
import { type FieldError, InvalidInput, MAX_FIELD_ERRORS } from '../domain/invalid-input.js';
import { idSchema, parseInput } from '../domain/schemas.js';
import { REASONS, RISK_LEVELS, STATUSES } from '../domain/verdict.js';
import { FIRST_PAGE } from '../snapshot/snapshots.js';
import { BATCH_STATUSES } from '../store/store.js';

const MAX_LIMIT = 500;
/** Keeps page × limit an exact integer. */
const MAX_PAGE = 1_000_000_000_000;
/** Longer than all values of a filter together. */
const MAX_LIST_LENGTH = 1024;
/** Longer than any address that a mail server accepts. */
const MAX_PREFIX_LENGTH = 1024;
const MAX_CURSOR_LENGTH = 4096;
const MAX_NAME_LENGTH = 4096;

/** A whole number from 1 in plain digits: `1e3`, `+5`, `2.0`, `007` and the empty text are refused. */
const counted = (max: number, fallback: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,12}$/, `must be a whole number from 1 to ${max}`)
    .transform(Number)
    .pipe(z.number().int().min(1).max(max, `must be a whole number from 1 to ${max}`))
    .default(fallback);

const limit = counted(MAX_LIMIT, FIRST_PAGE.limit);
/** Several of the values, separated by commas. */
const several = <const T extends readonly [string, ...string[]]>(values: T) => {
  const message = `must be one or several of ${values.join(', ')}, separated by commas`;
  return z
    .string()
    .max(MAX_LIST_LENGTH, message)
    .transform((text, context) => {
      const given = [...new Set(text.split(',').map((value) => value.trim()))];
      if (!given.every((value) => values.includes(value))) context.addIssue(message);
      return given;
    })
    .pipe(z.array(z.enum(values)))
    .optional();
};
const cursor = z.string().max(MAX_CURSOR_LENGTH).optional();

export const listQuery = z.object({ limit, cursor });
export const batchesQuery = listQuery.extend({ status: z.enum(BATCH_STATUSES).optional() });

/** Which results are shown: of pages and exports alike. */
const filter = {
  status: several(STATUSES),
  risk: several(RISK_LEVELS),
  reason: several(REASONS),
  email: z
    .string()
    .max(MAX_PREFIX_LENGTH)
    .transform((prefix) => prefix.trim() || undefined)
    .meta({ type: 'string', maxLength: MAX_PREFIX_LENGTH })
    .optional(),
};

export const emailsQuery = z.object({ page: counted(MAX_PAGE, FIRST_PAGE.page), limit, ...filter });

/** The property, and how many of its values are named. */
export const breakdownQuery = z.object({ by: z.enum(BREAKDOWNS), limit });

export const exportQuery = z.object({
  format: z.enum(['csv', 'ndjson', 'xlsx']).default('csv'),
  bom: z
    .enum(['0', '1'])
    .transform((given) => given === '1')
    .default(false)
    .meta({ type: 'string', enum: ['0', '1'], default: '0' }),
  escape: z.enum(['formulas', 'none']).default('formulas'),
  layout: z.enum(['results', 'original', 'unanswered']).default('results'),
  ...filter,
});

/** What an uploaded file is called; `listNameOf` says what may be. */
export const listUploadQuery = z.object({ name: z.string().max(MAX_NAME_LENGTH).optional() });
/** The column that is counted instead of the one with the addresses. */
export const listViewQuery = z.object({
  column: z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number from 0 to 999999')
    .transform(Number)
    .meta({ type: 'integer', minimum: 0, maximum: 999_999 })
    .optional(),
});

/** An id from the path, decoded. @throws InvalidInput naming it */
export const idIn = (req: Request, field: 'fileId' | 'batchId' | 'listId' | 'id' | 'deliveryId'): string =>
  parseInput(idSchema, req.params[field], field);

/**
 * Reads the query parameters that the schema names; others are ignored. Express's parsers turn `limit[]=5` and
 * `limit=5&limit=6` into arrays and keep wrong percent-encoding: here each of those is an error that names its field.
 */
export function readQuery<S extends z.ZodObject>(req: IncomingMessage, schema: S): z.output<S> {
  return parseInput(schema, parametersIn(req.url ?? '', schema.shape));
}

function parametersIn(url: string, fields: object): Record<string, string> {
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
  if (errors.length > 0) throw new InvalidInput(errors.slice(0, MAX_FIELD_ERRORS));
  return given;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
