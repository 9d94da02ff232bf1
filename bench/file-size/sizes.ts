export const SMALL = 1_000;
export const LARGE = 1_000_000;
/** Addresses that the validator adds from one update to the next. */
export const STEP = 5;
export const ROUNDS = 9;
/** Cost in the large file ÷ cost in the small one. */
export const GOAL = { atMost: 1.1 } as const;
