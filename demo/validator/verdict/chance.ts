/**
 * A number in [0, 1) that depends on nothing but the text and the salt: the same address gets the same verdict in every
 * run, on every machine, so that a repeated batch repeats its results.
 */
export function chance(text: string, salt: string): number {
  // FNV-1a, then a finaliser: without it, texts that differ in the last character only land close together.
  let hash = 0x811c9dc5;
  for (const part of [salt, '\n', text]) {
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** A list of outcomes with the share of each; the first one takes what the others leave. */
export type Shares<T> = readonly [T, ...(readonly [share: number, outcome: T])[]];

export function pick<T>(at: number, [rest, ...others]: Shares<T>): T {
  let edge = 0;
  for (const [share, outcome] of others) {
    edge += share;
    if (at < edge) return outcome;
  }
  return rest;
}

/** One entry of a list, each as likely as any other. */
export function oneOf<T>(at: number, list: readonly [T, ...T[]]): T {
  return list[Math.floor(at * list.length)] ?? list[0];
}
