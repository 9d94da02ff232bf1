const MAX_MS = 2_000;

/** A pause before the next try, the longer the more have failed; half of it is chance, so that gateways do not return as one. */
export const backoff = (failures: number): number =>
  Math.min(MAX_MS, 25 * 2 ** Math.min(failures, 20)) * (0.5 + Math.random() / 2);
