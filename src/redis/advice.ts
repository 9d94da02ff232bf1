/** What a Redis server should be set to, and is not. */

import type { Redis } from 'ioredis';
import { refusalOf } from './refusals.js';

/** The oldest version that the tests run with. */
const TESTED = [6, 2] as const;

export async function adviceOnRedis(redis: Redis): Promise<{ setting: string; advice: string }[]> {
  let info: string;
  try {
    info = await redis.info();
  } catch (error) {
    // Without this right the server's settings stay unknown.
    if (refusalOf(error).code === 'NOPERM') return [];
    throw error;
  }
  return adviceIn(info);
}

/** `info`: the answer to INFO. */
export function adviceIn(info: string): { setting: string; advice: string }[] {
  const said = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
  const [major = 0, minor = 0] = (said('redis_version') ?? '').split('.').map(Number);
  const policy = said('maxmemory_policy');
  const advice: { setting: string; advice: string }[] = [];
  if (policy !== undefined && policy !== 'noeviction')
    advice.push({
      setting: 'maxmemory-policy',
      advice: `maxmemory-policy of Redis is ${policy}: updates of the Stream may be evicted and lost; set it to noeviction`,
    });
  if (major > 0 && (major < TESTED[0] || (major === TESTED[0] && minor < TESTED[1])))
    advice.push({
      setting: 'redis_version',
      advice: `Redis is ${major}.${minor}, older than what was tested (${TESTED.join('.')}): upgrade it`,
    });
  return advice;
}
