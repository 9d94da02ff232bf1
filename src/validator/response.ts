/** Reads what the validator answers to a submission. */
import { z } from 'zod';
import type { BatchId, RequestId } from '../domain/id.js';
import { ResultReader, readEnvelope } from '../domain/read-update.js';
import { idSchema } from '../domain/schemas.js';
import { parseObject } from '../json/in-turns.js';
import { inTurns } from '../portions.js';
import { unavailable } from './post.js';

/** The validator has accepted a submission, and made batches of it. */
export interface Acceptance {
  /** Null for a single batch, which has none. */
  readonly requestId: RequestId | null;
  /** In the order of the addresses. */
  readonly batchIds: readonly BatchId[];
  /** The JSON of an update for the only batch, if its results are in the answer; else null. */
  readonly update: string | null;
}

/** Zod's own array would look at hundreds of thousands of entries in one turn of the event loop. */
const listSchema = z.custom<readonly unknown[]>(Array.isArray);
const severalBatchesSchema = z.object({ requestId: idSchema, batchIds: listSchema });
const oneBatchSchema = z.object({
  batchId: idSchema,
  status: z.string().optional(),
  results: listSchema.nullish(),
});

/** The validator's answer is none to this submission. */
export const invalidResponse = () => unavailable('lost', 'the validator answered nonsense');

/**
 * Reads the answer in turns of the event loop: it may be as large as an update.
 * @throws Fault `validator_unavailable` where the bytes are no answer to a submission of `totalEmails` addresses
 */
export async function readResponse(bytes: Uint8Array, totalEmails: number): Promise<Acceptance> {
  try {
    return await acceptanceIn(await parseObject(bytes), totalEmails);
  } catch {
    throw invalidResponse();
  }
}

async function acceptanceIn(value: object, totalEmails: number): Promise<Acceptance> {
  const several = severalBatchesSchema.safeParse(value);
  if (several.success) return ofSeveral(several.data, totalEmails);
  const { batchId, status, results } = oneBatchSchema.parse(value);
  const hasResults = results && (results.length > 0 || status === 'completed');
  const update = hasResults ? await updateOf({ batchId, status, results }, totalEmails) : null;
  return { requestId: null, batchIds: [batchId], update };
}

async function ofSeveral(
  { requestId, batchIds }: z.output<typeof severalBatchesSchema>,
  totalEmails: number,
): Promise<Acceptance> {
  const read = new Set<BatchId>();
  for await (const some of inTurns(batchIds)) for (const id of some) read.add(idSchema.parse(id));
  // An empty or repeated batch would never complete, and neither would its file.
  const isWrong = read.size === 0 || read.size < batchIds.length || read.size > totalEmails;
  if (isWrong) throw invalidResponse();
  return { requestId, batchIds: [...read], update: null };
}

async function updateOf(
  {
    batchId,
    status,
    results,
  }: { batchId: BatchId; status?: string | undefined; results: readonly unknown[] },
  totalEmails: number,
): Promise<string> {
  const envelope = {
    batchId,
    isComplete: status === 'completed' || results.length >= totalEmails,
    totalEmails,
    processedCount: results.length,
  };
  readEnvelope({ ...envelope, validatedEmails: [] });
  // All are read before the registration: a batch whose only update cannot be read would never end.
  const reader = new ResultReader();
  const texts: string[] = [];
  for await (const some of inTurns(results))
    for (const result of some) {
      const text = JSON.stringify(result);
      reader.add(result, text);
      texts.push(text);
    }
  reader.all();
  return `${JSON.stringify(envelope).slice(0, -1)},"validatedEmails":[${texts.join(',')}]}`;
}
