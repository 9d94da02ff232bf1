/** The requests that clients send over the socket, and the refusals that they get. */

import { z } from 'zod';
import { FEEDS, type Refused } from '../domain/events.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { countSchema, idSchema } from '../domain/schemas.js';
import { ERRORS, Fault } from '../errors.js';

/** Unknown keys are ignored. */
export const subscribeSchema = z.object({
  fileId: idSchema,
  feeds: z
    .array(z.enum(FEEDS))
    .min(1)
    .max(8)
    .nullish()
    .transform((given) => given ?? [...FEEDS]),
  since: z.object({ epoch: z.string().max(128), revision: countSchema }).nullish(),
});

export const unsubscribeSchema = z.object({ fileId: idSchema });

export const refreshSchema = z.object({ token: z.string().min(1).max(16_384) });

/** An error as an answer: a request that fails never ends its connection. */
export function refusal(error: unknown): Refused {
  const fault =
    error instanceof Fault
      ? error
      : error instanceof InvalidInput
        ? new Fault('invalid_request', error.message)
        : new Fault('internal');
  return {
    ok: false,
    error: { code: fault.code, message: fault.message, retryable: ERRORS[fault.code].retryable },
  };
}
