import type { Logger } from '../logger.js';
import type { Pipeline } from './pipeline.js';

/** How long a stored change may wait for the gateway that stored it. */
const OVERDUE_MS = 2_000;
const PERIOD_MS = 1_000;

/**
 * Announces what other gateways have stored and not announced for too long, again and again, until the answer is called.
 * Gateways that start together do not look at the same moment.
 */
export function sweepOutbox(pipeline: Pick<Pipeline, 'announceOverdue'>, logger: Logger): () => void {
  let timer: NodeJS.Timeout;
  let stopped = false;
  const look = async () => {
    try {
      await pipeline.announceOverdue(Date.now() - OVERDUE_MS);
    } catch (error) {
      logger.debug({ err: error }, 'could not look for what is left unannounced');
    }
    if (!stopped) schedule();
  };
  const schedule = () => {
    timer = setTimeout(() => void look(), PERIOD_MS * (0.5 + Math.random() / 2));
  };
  schedule();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
