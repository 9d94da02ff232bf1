/** What both halves of the file-size benchmark share. */
export const SMALL = 1_000;
export const LARGE = 1_000_000;
/** Results that the validator adds with each update. */
export const STEP = 5;
export const ROUNDS = 9;
/** Cost in the large file ÷ cost in the small file. */
export const GOAL = { atMost: 1.1 } as const;
/** The same for a search, and for a page of what is rare. */
export const READ_GOAL = { atMost: 1.3 } as const;
