/** Tries in Redis what the gateway does all the time: writes by a script, and the rights that its user needs besides. */

import { Cluster, type Redis } from 'ioredis';
import { MISSING, type NeededRight, refuseWithout, wordsOf } from './rights.js';
import { Script } from './script.js';
import { namePerShard, refusedByNone } from './shards.js';

/** Writes to a hash and a stream of its own. ARGV: their time to live, then the rights. */
const PROBE = new Script(`${MISSING}
local found = missing(2)
if found ~= '' then return found end
local hash, stream, ttl = KEYS[1], KEYS[2], ARGV[1]
redis.call('HSET', hash, 'at', redis.call('TIME')[1])
redis.call('XADD', stream, 'MAXLEN', 1, '*', 'payload', '')
redis.call('PEXPIRE', hash, ttl)
redis.call('PEXPIRE', stream, ttl)
return ''`);

const TTL_MS = 60_000;

/** In a cluster at every shard; it may be that some cannot be reached. @throws Fault naming the right that is missing, or the client's error */
export async function probeWrites(
  redis: Redis,
  name: string,
  prefix: string,
  rights: readonly NeededRight[],
): Promise<void> {
  if (!((redis as Redis | Cluster) instanceof Cluster)) return probeAt(redis, name, prefix, rights);
  const names = await namePerShard(redis, (number) => keysOf(prefix, `${name}.${number}`)[0]);
  await refusedByNone(names.map((number) => probeAt(redis, `${name}.${number}`, prefix, rights)));
}

const keysOf = (prefix: string, name: string): [hash: string, stream: string] => [
  `${prefix}probe:{${name}}:hash`,
  `${prefix}probe:{${name}}:stream`,
];

async function probeAt(
  redis: Redis,
  name: string,
  prefix: string,
  rights: readonly NeededRight[],
): Promise<void> {
  const missing = await PROBE.run(redis, keysOf(prefix, name), [TTL_MS, ...wordsOf(rights)]);
  refuseWithout(missing);
}
