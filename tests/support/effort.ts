/**
 * How much of something a test does: the usual amount while somebody waits for it, the thorough one with `THOROUGH` set,
 * as the gate has it once.
 */
export const effort = (usual: number, thorough: number): number =>
  process.env.THOROUGH === undefined ? usual : thorough;
