/**
 * How much a test repeats: the usual amount on a developer's machine, the thorough one with `THOROUGH` set, as in CI.
 */
export const effort = (usual: number, thorough: number): number =>
  process.env.THOROUGH === undefined ? usual : thorough;
