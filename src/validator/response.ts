import { z } from 'zod';
import { readUpdate } from '../domain/read-update.js';
import { idSchema } from '../domain/schemas.js';
import { unavailable } from './post.js';

/** What became of a submission. */
export interface Submission {
  /** Of several batches; null: a single batch has none. */
  readonly requestId: string | null;
  /** In the order of the addresses. */
  readonly batchIds: readonly string[];
  /** An update of the only batch, as the inlets take it, where the answer held the results already. */
  readonly update: string | null;
}

const manySchema = z.object({ requestId: idSchema, batchIds: z.array(idSchema).min(1) });
const oneSchema = z.object({
  batchId: idSchema,
  status: z.string().optional(),
  results: z.array(z.unknown()).nullish(),
});

const nonsense = () => unavailable('the validator answered nonsense');

/** @throws Fault `validator_unavailable` where the text is no answer to a submission of so many addresses */
export function readResponse(text: string, totalEmails: number): Submission {
  const value = parse(text);
  const many = manySchema.safeParse(value);
  if (many.success) return ofMany(many.data, totalEmails);
  const one = oneSchema.safeParse(value);
  if (!one.success) throw nonsense();
  const { batchId, status, results } = one.data;
  const answered = results && (results.length > 0 || status === 'completed');
  const update = answered ? updateOf({ batchId, status, results }, totalEmails) : null;
  return { requestId: null, batchIds: [batchId], update };
}

function ofMany({ requestId, batchIds }: z.output<typeof manySchema>, totalEmails: number): Submission {
  // No batch is empty, and none is there twice; registering such a list would leave the file waiting for ever.
  if (batchIds.length > totalEmails || new Set(batchIds).size < batchIds.length) throw nonsense();
  return { requestId, batchIds, update: null };
}

function updateOf(
  { batchId, status, results }: { batchId: string; status?: string | undefined; results: readonly unknown[] },
  totalEmails: number,
): string {
  const update = {
    batchId,
    isComplete: status === 'completed' || results.length >= totalEmails,
    totalEmails,
    processedCount: results.length,
    validatedEmails: results,
  };
  try {
    // Before anything is registered: a batch whose only news cannot be read would never end.
    readUpdate(update);
  } catch {
    throw nonsense();
  }
  return JSON.stringify(update);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw nonsense();
  }
}
