/** Tries in Redis what the inlets need: the groups of the Streams, a claim, and the validator's keys and channel. */

import type { Redis } from 'ioredis';
import { type NeededRight, probeWrites } from '../../redis/probe.js';
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
  // At once: where a shard hangs, each of them takes as long as a command may take.
  await refusedByNone([
    // Fails where the key holds something else, and makes a group anew that was deleted.
    ...groups.map((group) => group.create(redis)),
    redis.set(`${prefix}claim:probe`, '', 'PX', 10_000, 'NX'),
    probeWrites(redis, 'inlets', prefix, [...RIGHTS, ...rights]),
  ]);
}
