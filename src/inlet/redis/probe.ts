/** Tries in Redis what the inlets need: the groups of the Streams, a claim, and the validator's keys and channel. */

import type { Redis } from 'ioredis';
import { Fault } from '../../errors.js';
import { probeWrites } from '../../redis/probe.js';
import { refusalOf } from '../../redis/refusals.js';
import type { NeededRight } from '../../redis/rights.js';
import { refusedByNone } from '../../redis/shards.js';
import { CHANNEL } from './pubsub-inlet.js';
import { GROUP, type StreamGroup } from './stream-group.js';
import { resultsKey } from './validator-results.js';

const key = resultsKey('probe');

const RIGHTS: readonly NeededRight[] = [
  ['SUBSCRIBE', CHANNEL],
  ['STRLEN', key],
  ['GET', key],
  ['UNLINK', key],
];

const streamRights = (stream: string): NeededRight[] => [
  ['XREADGROUP', 'GROUP', GROUP, 'probe', 'STREAMS', stream, '>'],
  ['XPENDING', stream, GROUP],
  ['XCLAIM', stream, GROUP, 'probe', '0', '1-0'],
  ['XACK', stream, GROUP, '1-0'],
  ['XDEL', stream, '1-0'],
  ['XINFO', 'GROUPS', stream],
];

/** @throws Fault, or the client's error */
export async function probeInlets(
  redis: Redis,
  prefix: string,
  groups: readonly StreamGroup[],
): Promise<void> {
  const rights = groups.flatMap(({ stream }) => streamRights(stream));
  // At once: where a shard hangs, each of them takes as long as a command may take. The first one names what is missing.
  await refusedByNone([
    probeWrites(redis, 'inlets', prefix, [...RIGHTS, ...rights]),
    ...groups.map((group) => probeGroup(redis, group)),
    redis.set(`${prefix}claim:probe`, '', 'PX', 10_000, 'NX'),
  ]);
}

/** Makes a group anew that was deleted. @throws Fault where the key holds something else, or the client's error */
async function probeGroup(redis: Redis, group: StreamGroup): Promise<void> {
  try {
    await group.create(redis);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal.code !== 'WRONGTYPE') throw error;
    const hint = `the key ${group.stream} holds something else than a stream: delete or rename it`;
    throw new Fault('unavailable', undefined, { refusal: { ...refusal, hint } });
  }
}
