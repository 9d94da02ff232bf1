/** Tries in Redis what the gateway does all the time: writes by a script, and the rights of its user. */

import { Cluster, type Redis } from 'ioredis';
import { Fault } from '../errors.js';
import { Script } from './script.js';
import { namePerShard, refusedByNone } from './shards.js';

/** A command with its arguments, which the user has to be allowed to run. */
export type NeededRight = readonly string[];

/**
 * Writes to a hash and a stream of its own. Rights that cannot be tried unheard, such as publishing, are asked for where the
 * server can tell (Redis 7). ARGV: the time to live, then for each right the number of its words and the words. Answers with
 * the right that is missing.
 */
const PROBE = new Script(`
local hash, stream, ttl = KEYS[1], KEYS[2], ARGV[1]
redis.call('HSET', hash, 'at', redis.call('TIME')[1])
redis.call('XADD', stream, 'MAXLEN', 1, '*', 'payload', '')
redis.call('PEXPIRE', hash, ttl)
redis.call('PEXPIRE', stream, ttl)
if not redis.acl_check_cmd then return '' end
local i = 2
while i <= #ARGV do
  local words = tonumber(ARGV[i])
  if not redis.acl_check_cmd(unpack(ARGV, i + 1, i + words)) then return ARGV[i + 1] .. ' ' .. (ARGV[i + 2] or '') end
  i = i + words + 1
end
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
  const missing = await PROBE.run(redis, keysOf(prefix, name), [
    TTL_MS,
    ...rights.flatMap((right) => [right.length, ...right]),
  ]);
  if (missing === '') return;
  throw new Fault('unavailable', undefined, {
    refusal: { reason: 'forbidden', code: 'NOPERM', hint: `the user may not run ${String(missing)}` },
  });
}
