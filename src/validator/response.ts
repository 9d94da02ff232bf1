/** Reads what the validator answers to a submission. */
import { z } from 'zod';
import type { BatchId, RequestId } from '../domain/id.js';
import { readUpdate } from '../domain/read-update.js';
import { idSchema } from '../domain/schemas.js';
import { checkDepth } from '../json/scan.js';
import { unavailable } from './post.js';

/** The batches that the validator has made of a submission. */
export interface Submission {
  /** Null for a single batch, which has none. */
  readonly requestId: RequestId | null;
  /** In the order of the addresses. */
  readonly batchIds: readonly BatchId[];
  /** The JSON of an update for the only batch, if its results are in the answer; else null. */
  readonly update: string | null;
}

const severalBatchesSchema = z.object({ requestId: idSchema, batchIds: z.array(idSchema).min(1) });
const oneBatchSchema = z.object({
  batchId: idSchema,
  status: z.string().optional(),
  results: z.array(z.unknown()).nullish(),
});

/** The validator's answer is none to this submission. */
export const invalidResponse = () => unavailable('the validator answered nonsense');

/** @throws Fault `validator_unavailable` where the text is no answer to a submission of `totalEmails` addresses */
export function readResponse(text: string, totalEmails: number): Submission {
  const value = parse(text);
  const several = severalBatchesSchema.safeParse(value);
  if (several.success) return ofSeveral(several.data, totalEmails);
  const one = oneBatchSchema.safeParse(value);
  if (!one.success) throw invalidResponse();
  const { batchId, status, results } = one.data;
  const hasResults = results && (results.length > 0 || status === 'completed');
  const update = hasResults ? updateOf({ batchId, status, results }, totalEmails) : null;
  return { requestId: null, batchIds: [batchId], update };
}

function ofSeveral(
  { requestId, batchIds }: z.output<typeof severalBatchesSchema>,
  totalEmails: number,
): Submission {
  // An empty or repeated batch would never complete, and neither would its file.
  if (batchIds.length > totalEmails || new Set(batchIds).size < batchIds.length) throw invalidResponse();
  return { requestId, batchIds, update: null };
}

function updateOf(
  {
    batchId,
    status,
    results,
  }: { batchId: BatchId; status?: string | undefined; results: readonly unknown[] },
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
    // Before the registration: a batch whose only update cannot be read would never end.
    readUpdate(update);
  } catch {
    throw invalidResponse();
  }
  return JSON.stringify(update);
}

function parse(text: string): unknown {
  try {
    checkDepth(text);
    return JSON.parse(text);
  } catch {
    throw invalidResponse();
  }
}
