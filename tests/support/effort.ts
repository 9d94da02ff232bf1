import { test } from '@jest/globals';

/** With `THOROUGH` set, as in CI, everything is tried for as long as it takes. */
export const isThorough = process.env.THOROUGH !== undefined;

/** How much a test repeats: the usual amount on a developer's machine, the thorough one in a thorough run. */
export const effort = <T>(usual: T, thorough: T): T => (isThorough ? thorough : usual);

/** A test of the thorough run alone. */
export const thoroughTest = isThorough ? test : test.skip;
