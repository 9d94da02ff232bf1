/** Tries in Redis what the inlets need: the group of the Stream, a claim, and the validator's keys and channel. */

import type { Redis } from 'ioredis';
import { Fault } from '../../errors.js';
import { type NeededRight, probeWrites, requireRights } from '../../redis/probe.js';
import { refusalOf } from '../../redis/refusals.js';
import { CHANNEL } from './pubsub-inlet.js';
import { GROUP, STREAM, StreamGroup } from './stream-group.js';
import { resultsKey } from './validator-results.js';

const key = resultsKey('probe');

const RIGHTS: readonly NeededRight[] = [
  ['SUBSCRIBE', CHANNEL],
  ['XREADGROUP', 'GROUP', GROUP, 'probe', 'STREAMS', STREAM, '>'],
  ['XPENDING', STREAM, GROUP],
  ['XCLAIM', STREAM, GROUP, 'probe', '0', '1-0'],
  ['XACK', STREAM, GROUP, '1-0'],
  ['XDEL', STREAM, '1-0'],
  ['XINFO', 'GROUPS', STREAM],
  ['STRLEN', key],
  ['GET', key],
  ['UNLINK', key],
];

/** @throws Fault, or the client's error */
export async function probeInlets(redis: Redis, prefix: string): Promise<void> {
  await requireRights(redis, RIGHTS);
  await probeGroup(redis);
  await redis.set(`${prefix}claim:probe`, '', 'PX', 10_000, 'NX');
  await probeWrites(redis, 'inlets', prefix);
}

/** Makes a group anew that was deleted. @throws Fault where the key holds something else, or the client's error */
async function probeGroup(redis: Redis): Promise<void> {
  try {
    await StreamGroup.create(redis);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal.code !== 'WRONGTYPE') throw error;
    const hint = `the key ${STREAM} holds something else than a stream: delete or rename it`;
    throw new Fault('unavailable', undefined, { refusal: { ...refusal, hint } });
  }
}
