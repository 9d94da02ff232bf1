import { batchIdIn } from '../../domain/message-ids.js';
import { textOf } from './message-processor.js';

/** Where producers write the batch's id: ahead of the results. */
const HEAD_BYTES = 2_048;

/** The batch that a message seems to be about, without parsing it; null: it does not show. Good enough to look it up. */
export const batchHint = (message: Uint8Array): string | null =>
  batchIdIn(textOf(message.subarray(0, HEAD_BYTES)));
