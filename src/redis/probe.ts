/** Tries in Redis what the gateway does all the time: writes by a script, and the rights of its user. */

import type { Redis } from 'ioredis';
import { Fault } from '../errors.js';
import { Script } from './script.js';

/** A command with its arguments, which the user has to be allowed to run. */
export type NeededRight = readonly string[];

/** Writes to a hash and a stream of its own. ARGV: their time to live. */
const WRITE = new Script(`
local hash, stream, ttl = KEYS[1], KEYS[2], ARGV[1]
redis.call('HSET', hash, 'at', redis.call('TIME')[1])
redis.call('XADD', stream, 'MAXLEN', 1, '*', 'payload', '')
redis.call('PEXPIRE', hash, ttl)
redis.call('PEXPIRE', stream, ttl)`);

/** ARGV: for each right the number of its words and the words. Answers with the right that is missing, or nothing. */
const CHECK = new Script(`
if not redis.acl_check_cmd then return '' end
local i = 1
while i <= #ARGV do
  local words = tonumber(ARGV[i])
  if not redis.acl_check_cmd(unpack(ARGV, i + 1, i + words)) then return table.concat(ARGV, ' ', i + 1, i + words) end
  i = i + words + 1
end
return ''`);

const TTL_MS = 60_000;

/** @throws the client's error */
export async function probeWrites(redis: Redis, name: string, prefix: string): Promise<void> {
  const keys = ['hash', 'stream'].map((kind) => `${prefix}probe:{${name}}:${kind}`);
  await WRITE.run(redis, keys, [TTL_MS]);
}

/**
 * Rights that cannot be tried unheard, such as publishing, are asked for where the server can tell (Redis 7).
 * @throws Fault naming the one that is missing, or the client's error
 */
export async function requireRights(redis: Redis, rights: readonly NeededRight[]): Promise<void> {
  const args = rights.flatMap((right) => [right.length, ...right]);
  const missing = String(await CHECK.run(redis, [], args)).trim();
  if (missing === '') return;
  throw new Fault('unavailable', undefined, {
    refusal: { reason: 'forbidden', code: 'NOPERM', hint: `the user may not run ${missing}` },
  });
}
