/** Reads input by a schema: the functions that do it, their error messages, and the schemas that several inputs share. */
import { z } from 'zod';
import { ID_PATTERN, isPlainText, MAX_ID_LENGTH } from './id.js';
import { type FieldError, InvalidInput, MAX_FIELD_ERRORS } from './invalid-input.js';

/** Lists are bounded by the size of a message; this only keeps sums within exact integers. */
const MAX_COUNT = 1_000_000_000;

/** The rule of `isId`, with a message for each way to break it. */
export const idSchema = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine(isPlainText, 'must be well-formed text without control characters')
  .meta({ pattern: ID_PATTERN });

export const countSchema = z.number().int().min(0).max(MAX_COUNT);

/** A field that may be missing or null; its value is null in both cases. */
export const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? null);

/** A field that may be missing or null; its value is the fallback in both cases. */
export const withDefault = <T extends z.ZodType>(schema: T, fallback: z.output<T>) =>
  schema.nullish().transform((value) => value ?? fallback);

/** `field` names the value as a whole. @throws InvalidInput with the first field errors */
export function parseInput<T extends z.ZodType>(schema: T, value: unknown, field = ''): z.output<T> {
  const parsed = schema.safeParse(value, { error: inOurWords });
  if (!parsed.success) throw new InvalidInput(fieldErrors(parsed.error, field));
  return parsed.data;
}

/** The same for a schema whose lists are read in several turns of the event loop. */
export async function parseInputInTurns<T extends z.ZodType>(
  schema: T,
  value: unknown,
): Promise<z.output<T>> {
  const parsed = await schema.safeParseAsync(value, { error: inOurWords });
  if (!parsed.success) throw new InvalidInput(fieldErrors(parsed.error, ''));
  return parsed.data;
}

/** Zod's issues as field and message: `batches[3].batchId`, `must be …`. */
function fieldErrors({ issues }: z.ZodError, root: string): FieldError[] {
  return issues.slice(0, MAX_FIELD_ERRORS).map(({ path, message }) => ({
    field:
      path.reduce<string>(
        (name, step) =>
          typeof step === 'number'
            ? `${name}[${step}]`
            : name === ''
              ? String(step)
              : `${name}.${String(step)}`,
        '',
      ) || root,
    message,
  }));
}

type Issue = z.core.$ZodRawIssue;

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/**
 * Says in our own words how an input breaks a schema: an error map for `safeParse`. Messages that a schema has of its own come
 * before it. Never repeats the value.
 */
export function inOurWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is required'
        : `must be ${KINDS[issue.expected] ?? 'of another type'}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return Number(issue.minimum) === 1 && issue.origin !== 'number'
        ? 'must not be empty'
        : `must ${atLeast(issue.origin)} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `must ${atMost(issue.origin)} ${issue.maximum}${unitOf(issue.origin)}`;
    case 'unrecognized_keys':
      return 'has a field that is not known';
    default:
      return 'is not valid';
  }
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };
const unitOf = (origin: string): string => UNITS[origin] ?? '';
const atLeast = (origin: string): string => (origin in UNITS ? 'have at least' : 'be at least');
const atMost = (origin: string): string => (origin in UNITS ? 'have at most' : 'be at most');

/** JSON Schema of an object that has these members, and may have others. Tools warn of a condition that does not say all that. */
export const requiring = (...names: readonly string[]) => ({
  required: [...names],
  properties: Object.fromEntries(names.map((name) => [name, {}])),
  additionalProperties: true,
});
