import { z } from 'zod';
import { isPlainText, MAX_ID_LENGTH } from './id.js';
import type { FieldError } from './invalid-input.js';

/** Lists are bounded by the size of a message; this only keeps sums within exact integers. */
const MAX_COUNT = 1_000_000_000;

/** What `isId` says, in a form that says what is wrong. */
export const idSchema = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine(isPlainText, 'must be well-formed text without control characters');

export const countSchema = z.number().int().min(0).max(MAX_COUNT);

/** So many errors of one input are told of. */
export const MAX_ERRORS = 10;

/** Zod's issues as field and message: `batches[3].batchId`, `must be …`. Messages of zod never repeat the value. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.slice(0, MAX_ERRORS).map(({ path, message }) => ({
    field: path.reduce<string>(
      (name, step) =>
        typeof step === 'number'
          ? `${name}[${step}]`
          : name === ''
            ? String(step)
            : `${name}.${String(step)}`,
      '',
    ),
    message,
  }));
}
