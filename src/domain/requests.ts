/** The requests of listeners, as the gateway reads them. Apart from their types in events.ts, which the SDK has without zod. */
import { z } from 'zod';
import { FEEDS } from './events.js';
import { countSchema, idSchema, withDefault } from './schemas.js';

/** Unknown keys are ignored. */
export const subscribeSchema = z.object({
  fileId: idSchema,
  feeds: withDefault(z.array(z.enum(FEEDS)).min(1).max(8), [...FEEDS]),
  since: z.object({ epoch: z.string().max(128), revision: countSchema }).nullish(),
});

export const unsubscribeSchema = z.object({ fileId: idSchema });

export const refreshSchema = z.object({ token: z.string().min(1).max(16_384) });
