/**
 * The pause after so many failures in a row, in milliseconds: twice as long with each, up to the longest. Half of it is random,
 * so that clients which failed together do not retry together.
 */
export const retryPause = (failures: number, minMs = 500, maxMs = 30_000): number =>
  Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + Math.random() / 2);
