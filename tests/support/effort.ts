/**
 * How much a test repeats: the usual amount on a developer's machine, the thorough one with `THOROUGH` set, as in CI.
 */
export const effort = <T>(usual: T, thorough: T): T =>
  process.env.THOROUGH === undefined ? usual : thorough;
