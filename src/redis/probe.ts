/** Tries in Redis what the gateway does all the time: writes by a script, and the rights of its user. */

import { Cluster, type Redis } from 'ioredis';
import { Fault } from '../errors.js';
import { askAnyNode } from './client.js';
import { Script } from './script.js';
import { namePerShard, refusedByNone } from './shards.js';

/** A command with its arguments, which the user has to be allowed to run. */
export type NeededRight = readonly string[];

/**
 * Rights that cannot be tried unheard, such as publishing, are asked for where the server can tell (Redis 7). ARGV, from
 * `first` on: for each right the number of its words and the words. Returns the right that is missing, or nothing.
 */
const MISSING = `
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

/** At whichever server answers first, and without a write: one that hangs says nothing of rights. @throws Fault naming the right that is missing, or the client's error */
export async function requireRights(redis: Redis, rights: readonly NeededRight[]): Promise<void> {
  refuseWithout(await askAnyNode(redis, (node) => CHECK.run(node, [], wordsOf(rights))));
}

const wordsOf = (rights: readonly NeededRight[]): (string | number)[] =>
  rights.flatMap((right) => [right.length, ...right]);

function refuseWithout(missing: unknown): void {
  const right = String(missing).trim();
  if (right === '') return;
  throw new Fault('unavailable', undefined, {
    refusal: { reason: 'forbidden', code: 'NOPERM', hint: `the user may not run ${right}` },
  });
}
