import type { Claimant } from '../../src/domain/ownership.js';

/** Every caller with `AUTH=none`, and what an operator repeats by hand. */
export const OPERATOR: Claimant = { userId: null, files: '*', isAdmin: true };
