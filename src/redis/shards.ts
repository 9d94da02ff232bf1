/** Tries something at every shard of a cluster: one that is away is no reason to turn all callers away. */

import type { Redis } from 'ioredis';
import { refusalOf } from './refusals.js';
import { askSlotOwners } from './slot-owners.js';

const MAX_NAMES = 10_000;

/** For each primary, a name of which it has the key. */
export async function namePerShard(redis: Redis, keyOf: (name: string) => string): Promise<string[]> {
  const owners = await askSlotOwners(redis);
  const names = new Map<string, string>();
  for (let number = 0; number < MAX_NAMES && names.size < owners.nodes.size; number++) {
    const owner = owners.ownerOf(keyOf(`${number}`));
    if (owner !== undefined && !names.has(owner)) names.set(owner, `${number}`);
  }
  return [...names.values()];
}

/** Fulfilled when no attempt was refused, and at least one could be made. @throws a refusal, or why none could be made */
export async function refusedByNone(attempts: readonly Promise<unknown>[]): Promise<void> {
  if (attempts.length === 0) throw new Error('no primary is known');
  const outcomes = await Promise.allSettled(attempts);
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const refused = reasons.find((reason) => refusalOf(reason).reason !== 'unreachable');
  if (refused !== undefined) throw refused;
  if (reasons.length > 0 && reasons.length === attempts.length) throw reasons[0];
}
