import { z } from 'zod';
import { type Result, readResult } from './result.js';

/** One message about one batch. Cumulative: it carries every result of the batch so far. */
export interface Update {
  readonly batchId: string;
  /** The file, where the producer names it; else the batch's registration does. */
  readonly fileId: string | null;
  readonly requestId: string | null;
  /** How many batches the request has, where the producer says so. */
  readonly totalBatches: number | null;
  /** The last word on the batch. Never true together with `failure`. */
  readonly isComplete: boolean;
  /** Why the batch failed; null while it has not. */
  readonly failure: string | null;
  /** Addresses in the batch; null where a failing producer does not say. */
  readonly totalEmails: number | null;
  /** Orders the updates of one batch, see `isNewer`. */
  readonly processedCount: number;
  readonly results: readonly Result[];
  /**
   * It was found where its producer keeps it, not heard: unless it is newer it says nothing, not even that somebody works
   * on the batch.
   */
  readonly isFound?: boolean;
}

export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** What was wrong with an input, field by field. Never holds a value of the input. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  constructor(readonly errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => `${field}: ${message}`).join('; ') || 'invalid input');
  }
}

const MAX_ID_LENGTH = 256;
/** Lists are bounded by the size of a message; this only keeps sums within exact integers. */
const MAX_COUNT = 1_000_000_000;

/** An id of a file, request, batch or user: 1 to 256 characters of well-formed text without control characters. */
export const idSchema = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine(
    (id) => id.isWellFormed() && !/\p{Cc}/u.test(id),
    'must be well-formed text without control characters',
  );

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? null);
export const countSchema = z.number().int().min(0).max(MAX_COUNT);

const envelopeSchema = z
  .object({
    batchId: idSchema,
    fileId: optional(idSchema),
    requestId: optional(idSchema),
    totalBatches: optional(countSchema),
    isComplete: optional(z.boolean()),
    failed: optional(z.boolean()),
    error: optional(z.string()),
    totalEmails: optional(countSchema),
    processedCount: optional(countSchema),
    validatedEmails: optional(z.array(z.unknown())),
  })
  .superRefine((envelope, context) => {
    // A producer that fails may know no more than that; everybody else has to say how far the batch is.
    if (envelope.failed === true) return;
    for (const field of ['isComplete', 'totalEmails', 'processedCount', 'validatedEmails'] as const) {
      if (envelope[field] === null)
        context.addIssue({ code: 'custom', path: [field], message: 'is required' });
    }
  });

const MAX_ERRORS = 10;

/**
 * Reads an update from parsed JSON. Lenient: unknown keys are ignored, an unknown status counts as `unknown`.
 * @throws InvalidInput naming each field that cannot be read
 */
export function readUpdate(value: unknown): Update {
  const parsed = envelopeSchema.safeParse(value);
  if (!parsed.success) throw new InvalidInput(fieldErrors(parsed.error));
  const envelope = parsed.data;
  const results = readResults(envelope.validatedEmails ?? []);
  const failed = envelope.failed === true;
  return {
    batchId: envelope.batchId,
    fileId: envelope.fileId,
    requestId: envelope.requestId,
    totalBatches: envelope.totalBatches,
    isComplete: envelope.isComplete === true && !failed,
    failure: failed ? (envelope.error ?? '').toWellFormed() : null,
    totalEmails: envelope.totalEmails,
    processedCount: envelope.processedCount ?? results.length,
    results,
  };
}

function readResults(entries: readonly unknown[]): Result[] {
  const results: Result[] = [];
  const errors: FieldError[] = [];
  entries.forEach((entry, index) => {
    const result = readResult(entry);
    if (typeof result !== 'string') results.push(result);
    else if (errors.length < MAX_ERRORS) errors.push({ field: `validatedEmails[${index}]`, message: result });
  });
  if (errors.length > 0) throw new InvalidInput(errors);
  return results;
}

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

/** How far a stored batch is, as far as the rule of newness asks. */
export interface Standing {
  readonly isComplete: boolean;
  readonly processedCount: number;
}

/**
 * Newer wins: complete beats incomplete, whatever the counts; between two of a kind the larger `processedCount`;
 * anything else changes nothing. Time does not count: a batch that is run again has newer times.
 */
export function isNewer(update: Standing, stored: Standing | null): boolean {
  if (stored === null) return true;
  if (update.isComplete !== stored.isComplete) return update.isComplete;
  return update.processedCount > stored.processedCount;
}

/**
 * Two updates of one batch in one: the newer list; a failure stays until a complete list takes it back; and what only one
 * of them says of the batch or its request is not forgotten.
 */
export function merged(earlier: Update, later: Update): Update {
  const [newer, older] = isNewer(later, earlier) ? [later, earlier] : [earlier, later];
  return {
    ...newer,
    ...(newer.isFound === true && { isFound: older.isFound === true }),
    totalEmails: newer.totalEmails ?? older.totalEmails,
    totalBatches: later.totalBatches ?? earlier.totalBatches,
    failure: newer.isComplete ? null : (later.failure ?? earlier.failure),
  };
}
