/** Asks Redis which of the rights that the gateway needs its user lacks. */

import type { Redis } from 'ioredis';
import { Fault } from '../errors.js';
import { askAnyNode } from './client.js';
import { Script } from './script.js';

/** A command with its arguments, which the user has to be allowed to run. */
export type NeededRight = readonly string[];

/**
 * Rights that cannot be tried unheard, such as publishing, are asked for where the server can tell (Redis 7). ARGV, from
 * `first` on: for each right the number of its words and the words. Returns the right that is missing, or nothing.
 */
export const MISSING = `
local function missing(first)
  local i = first
  while redis.acl_check_cmd and i <= #ARGV do
    local last = i + tonumber(ARGV[i])
    if not redis.acl_check_cmd(unpack(ARGV, i + 1, last)) then return table.concat(ARGV, ' ', i + 1, last) end
    i = last + 1
  end
  return ''
end`;

const CHECK = new Script(`${MISSING}
return missing(1)`);

/** At whichever server answers first, and without a write: one that hangs says nothing of rights. @throws Fault naming the right that is missing, or the client's error */
export async function requireRights(redis: Redis, rights: readonly NeededRight[]): Promise<void> {
  refuseWithout(await askAnyNode(redis, (node) => CHECK.run(node, [], wordsOf(rights))));
}

export const wordsOf = (rights: readonly NeededRight[]): (string | number)[] =>
  rights.flatMap((right) => [right.length, ...right]);

/** Throws where the answer of a script names a missing right. */
export function refuseWithout(missing: unknown): void {
  const right = String(missing).trim();
  if (right === '') return;
  throw new Fault('unavailable', undefined, {
    refusal: { reason: 'forbidden', code: 'NOPERM', hint: `the user may not run ${right}` },
  });
}
