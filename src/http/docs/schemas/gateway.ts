/** The answers about the gateway itself: health, problems, dead letters and sessions. */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../../errors.js';
import type { Dependency } from '../../../health/dependency-watch.js';
import { REFUSAL_REASONS, type Refusal } from '../../../refusal.js';
import { count, nextCursor, time } from './shapes.js';

export const deadLetter = z.object({
  id: z.string(),
  inlet: z.string().describe('the inlet it came through: `pubsub`, `stream`'),
  reason: z.string().describe('why it could not be read, and whether it was too large to be kept whole'),
  receivedAt: time,
  payload: z.string().describe('the message as it was received'),
});
export const deadLetterList = z.object({ items: z.array(deadLetter), nextCursor });

export const alive = z.object({ status: z.literal('ok') });
const refusal = z.object({
  reason: z.enum(REFUSAL_REASONS),
  code: z.string().describe("the code word of the server's reply, or the class of the error"),
  hint: z.string().exactOptional().describe('what the operator can do'),
}) satisfies z.ZodType<Refusal>;
export const notReady = z.object({
  status: z.literal('unavailable'),
  reasons: z.array(z.string()),
  dependencies: z
    .object({ database: refusal.exactOptional(), redis: refusal.exactOptional() } satisfies Record<
      Dependency,
      z.ZodType
    >)
    .exactOptional()
    .describe('what each server that cannot be used has said'),
});

const REST_CODES = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => code !== 'too_many_subscriptions');

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(REST_CODES),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

export const listenerCount = z.object({ listeners: count, gateways: count });
export const revoked = z.object({ sockets: count });
