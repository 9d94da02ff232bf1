import type { Figure } from '../support/figures.js';
import { flood } from './flood.js';
import { latency } from './latency.js';

/** How do gateways on MongoDB and Redis bear what the validator publishes? */
export async function distributed(): Promise<Figure[]> {
  return [...(await latency()), ...(await flood())];
}
