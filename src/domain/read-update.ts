/** Reads the JSON of an update, as producers send it. */
import { z } from 'zod';
import { type FieldError, InvalidInput, MAX_FIELD_ERRORS } from './invalid-input.js';
import { type Result, readResult, resultError } from './result.js';
import { countSchema, idSchema, optional, parseInput } from './schemas.js';
import type { Update } from './update.js';

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
    // A producer that fails may know no more than that; any other has to say how far the batch is.
    if (envelope.failed === true) return;
    for (const field of ['isComplete', 'totalEmails', 'processedCount', 'validatedEmails'] as const) {
      if (envelope[field] === null)
        context.addIssue({ code: 'custom', path: [field], message: 'is required' });
    }
  });

export type Envelope = z.output<typeof envelopeSchema>;

/**
 * Reads an update from parsed JSON. Lenient: unknown keys are ignored, an unknown status counts as `unknown`.
 * @throws InvalidInput naming each field that cannot be read
 */
export function readUpdate(value: unknown): Update {
  const envelope = readEnvelope(value);
  const results = new ResultReader();
  for (const entry of envelope.validatedEmails ?? []) results.add(entry);
  return updateOf(envelope, results.all());
}

/** Results of one update. A batch is what one worker checks, so it is far smaller; each costs memory beside its text. */
export const MAX_RESULTS = 100_000;

/** As long as the reason that a caller may give. It is kept with its batch. */
const MAX_FAILURE_CHARS = 1_000;

const LIST = 'validatedEmails';

/** All of an update but its results. @throws InvalidInput naming each field that cannot be read */
export const readEnvelope = (value: unknown): Envelope => parseInput(envelopeSchema, value);

export function updateOf(envelope: Envelope, results: readonly Result[]): Update {
  const failed = envelope.failed === true;
  return {
    batchId: envelope.batchId,
    fileId: envelope.fileId,
    requestId: envelope.requestId,
    totalBatches: envelope.totalBatches,
    isComplete: envelope.isComplete === true && !failed,
    failure: failed ? (envelope.error ?? '').slice(0, MAX_FAILURE_CHARS).toWellFormed() : null,
    totalEmails: envelope.totalEmails,
    processedCount: envelope.processedCount ?? results.length,
    results,
  };
}

/** Reads the entries of `validatedEmails`, one by one. */
export class ResultReader {
  readonly #results: Result[] = [];
  readonly #errors: FieldError[] = [];
  #count = 0;

  /** `text`: the JSON of the entry, see `readResult`. @throws InvalidInput where there are too many */
  add(entry: unknown, text?: string): void {
    const index = this.#count++;
    if (index >= MAX_RESULTS)
      throw new InvalidInput([{ field: LIST, message: `must have at most ${MAX_RESULTS} entries` }]);
    const result = readResult(entry, text);
    if (typeof result !== 'string') this.#results.push(result);
    else if (this.#errors.length < MAX_FIELD_ERRORS) this.#errors.push(resultError(index, result));
  }

  /** @throws InvalidInput naming the entries that are no results */
  all(): readonly Result[] {
    if (this.#errors.length > 0) throw new InvalidInput(this.#errors);
    return this.#results;
  }
}
