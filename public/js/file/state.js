/** The state of a list in the user's words. */
import { word } from '../texts.js';

/** Nothing moves: each batch that has not ended is silent. */
export const isStuck = ({ status, batches, throughput }) =>
  status === 'processing' && batches.stalled > 0 && throughput.emailsPerSecond === null;

export const hasEnded = ({ status }) => ['completed', 'failed', 'purged'].includes(status);

/** What the pill says: `stuck` beside the states of the API. */
export const stateOf = (stats) => (isStuck(stats) ? 'stuck' : stats.status);
export const stateWord = (stats) => word(stateOf(stats));

/** Addresses without an answer. */
export const missingIn = ({ progress: { total, processed, skipped } }) =>
  Math.max(0, total - processed - skipped);

/** Those that were skipped have none either. */
export const unansweredIn = ({ progress: { total, processed } }) => Math.max(0, total - processed);
