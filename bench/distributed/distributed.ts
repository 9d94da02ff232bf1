import type { Figure } from '../support/figures.js';
import { flood } from './flood.js';

/** How do gateways on MongoDB and Redis bear what the validator publishes? */
export const distributed = (): Promise<Figure[]> => flood();
