/** Tries something at every shard of a cluster. One that gives no answer refuses nothing: the callers of the others can go on. */

import type { Redis } from 'ioredis';
import { settledWithin } from '../waiting.js';
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

/** An attempt without an answer by then counts as one that could not be made: less than what the watch of the probes allows. */
const ANSWER_MS = 2_500;

/** Fulfilled when no attempt was refused, and at least one could be made. @throws a refusal, or why none could be made */
export async function refusedByNone(attempts: readonly Promise<unknown>[]): Promise<void> {
  const reasons: unknown[] = [];
  let made = 0;
  const settled = attempts.map((attempt) =>
    attempt.then(
      () => made++,
      (reason: unknown) => reasons.push(reason),
    ),
  );
  await settledWithin(ANSWER_MS, Promise.all(settled));
  const refused = reasons.find((reason) => refusalOf(reason).reason !== 'unreachable');
  if (refused !== undefined) throw refused;
  if (made === 0) throw reasons[0] ?? new Error('Redis timed out');
}
