/** What the validator publishes on, and the stream beside it. Public names carry no prefix. */
export const CHANNEL = 'email_validation_results';
export const STREAM = 'email_validation_results:stream';
export const GROUP = 'verigate';

/** Where the validator keeps the newest update of a batch. */
export const resultsKey = (batchId: string): string => `validation_results:${batchId}`;

/** Says whose a message is. */
export const claimKey = (prefix: string, message: string): string => `${prefix}claim:${message}`;

/** Says when a batch was last looked up, and by whom. */
export const lookUpKey = (prefix: string, batchId: string): string => `${prefix}look-up:${batchId}`;

/** Says that the stalled batches have been looked up lately. No batch id is empty. */
export const stalledKey = (prefix: string): string => `${prefix}look-up:`;
