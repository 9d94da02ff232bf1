/**
 * Pseudo-random choices that depend on a text only. `chance` returns a number in [0, 1) that is the same in every run
 * and on every machine, so that a batch that is run again has the same results.
 */
export function chance(text: string, salt: string): number {
  // FNV-1a, then a finaliser: without it, texts that differ only in the last character get similar numbers.
  let hash = 0x811c9dc5;
  for (const part of [salt, '\n', text]) {
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Outcomes with their shares. The first outcome gets what the others leave. */
export type Shares<T> = readonly [T, ...(readonly [share: number, outcome: T])[]];

export function pick<T>(at: number, [rest, ...others]: Shares<T>): T {
  let edge = 0;
  for (const [share, outcome] of others) {
    edge += share;
    if (at < edge) return outcome;
  }
  return rest;
}

/** One entry of a list; all are equally likely. */
export function oneOf<T>(at: number, list: readonly [T, ...T[]]): T {
  return list[Math.floor(at * list.length)] ?? list[0];
}
