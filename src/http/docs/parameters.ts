import { IDEMPOTENCY_KEY } from '../idempotency.js';

/** Headers that a request may have, as OpenAPI describes them. */
export const IDEMPOTENCY_HEADER = {
  name: IDEMPOTENCY_KEY,
  in: 'header',
  required: false,
  description: 'A repeated request under the same key is answered as the first one was, and submits nothing.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};
