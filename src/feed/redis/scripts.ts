/**
 * How a file's feed is laid out in Redis: its keys, and the Lua scripts that change and read them, each one atomic step.
 * The scripts know revisions, fields and bytes; they never look into a payload.
 */

import type { BatchId, FileId } from '../../domain/id.js';
import { Script } from '../../redis/script.js';

export interface FileKeys {
  /**
   * Hash. The scripts write `server`, `epoch` and `revision`; `emails`, the revision of the last `emails` event; `floor`,
   * that of the newest event dropped from the history; `kept` and `bytes`, the size of the history; `awaited`, 1 where the
   * store did not have the file and nothing else was kept of it when the epoch began. TypeScript writes `state`, `stats`
   * and, as `b:{batchId}`, what was announced of each batch. After a removal only `removed` is there.
   */
  readonly head: string;
  /** Stream: the kept `emails` events under the id `{revision}-0`. */
  readonly history: string;
  /** Channel, sharded in a cluster, on which gateways send each other the file's events and its removal, see `messages.ts`. */
  readonly channel: string;
}

/**
 * The keys of one file share a hash tag, so that a cluster keeps them on one node. The id is encoded: a brace in it would
 * end the tag too early, and keys of two files must differ wherever the ids do.
 */
export function keysOf(prefix: string, fileId: FileId): FileKeys {
  const base = `${prefix}feed:{${encodeURIComponent(fileId)}}`;
  return { head: `${base}:head`, history: `${base}:history`, channel: `${base}:messages` };
}

export const batchField = (batchId: BatchId): string => `b:${batchId}`;

export const scriptKeys = ({ head, history }: FileKeys): string[] => [head, history];

/**
 * Given in place of the id of the server process where the client does not know which one will answer: in a cluster. The
 * scripts then ask the server that they run on.
 */
export const ANY_SERVER = '?';

const SERVER_ID = `
local function serverId(given)
  if given ~= '${ANY_SERVER}' then return given end
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end`;

/**
 * The command that sends a file's channel its messages: in a cluster to one shard only. Servers older than Redis 7, which
 * have no sharded channels, do not say their version to scripts.
 */
const PUBLISH = `
local function publishCommand(given)
  return given == '${ANY_SERVER}' and redis.REDIS_VERSION_NUM and 'SPUBLISH' or 'PUBLISH'
end`;

export const SERVER_OF_KEY = new Script(`${SERVER_ID}
return serverId('${ANY_SERVER}')`);

/** Sets fields of the head from a stretch of ARGV, in portions that fit on Lua's stack. */
const SET_FIELDS = `
local function setFields(from, to)
  for first = from, to, 1000 do
    redis.call('HSET', KEYS[1], unpack(ARGV, first, math.min(first + 999, to)))
  end
end`;

/**
 * After the named arguments come fields with their values (`fieldArgs` arguments), then five arguments for each event: '1'
 * to keep it, feed, revision, public channel, payload. 1: appended; 0: the head is not the expected one, nothing changed.
 */
export const APPEND = new Script(`${SERVER_ID}${PUBLISH}${SET_FIELDS}
local head, history = KEYS[1], KEYS[2]
local server, epoch, expected, newRevision, ttl, maxRevisions, maxBytes, channel, fieldArgs = unpack(ARGV, 1, 9)
local publish = publishCommand(server)
server = serverId(server)
local headServer, headEpoch, headRevision, emails, floor, kept, bytes = unpack(
  redis.call('HMGET', head, 'server', 'epoch', 'revision', 'emails', 'floor', 'kept', 'bytes'))
if headServer ~= server or headEpoch ~= epoch or headRevision ~= expected then return 0 end
floor, kept, bytes = tonumber(floor), tonumber(kept), tonumber(bytes)
if redis.call('XLEN', history) ~= kept then
  redis.call('UNLINK', history)
  floor, kept, bytes = tonumber(emails), 0, 0
end

local firstEvent = 10 + tonumber(fieldArgs)
setFields(10, firstEvent - 1)
local messages = {}
for i = firstEvent, #ARGV, 5 do
  local keep, feed, revision, _, payload = unpack(ARGV, i, i + 4)
  messages[#messages + 1] = table.concat({feed, revision, emails, epoch}, ' ') .. '\\n' .. payload
  if keep == '1' then
    emails = revision
    redis.call('XADD', history, revision .. '-0', 'payload', payload)
    kept, bytes = kept + 1, bytes + #payload
  end
end

local newestToDrop = tonumber(newRevision) - tonumber(maxRevisions)
maxBytes = tonumber(maxBytes)
while kept > 0 and (bytes > maxBytes or newestToDrop > floor) do
  local oldest = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)[1]
  local id, payload = oldest[1], oldest[2][2]
  local revision = tonumber(string.match(id, '%d+'))
  if revision > newestToDrop and bytes <= maxBytes then break end
  redis.call('XDEL', history, id)
  floor, kept, bytes = revision, kept - 1, bytes - #payload
end

redis.call('HSET', head, 'revision', newRevision, 'emails', emails, 'floor', floor, 'kept', kept, 'bytes', bytes)
redis.call('PEXPIRE', head, ttl)
redis.call('PEXPIRE', history, ttl)
for i = firstEvent, #ARGV, 5 do
  local publicChannel, payload = ARGV[i + 3], ARGV[i + 4]
  redis.call(publish, channel, messages[(i - firstEvent) / 5 + 1])
  redis.call('PUBLISH', publicChannel, payload)
end
return 1`);

/**
 * After the named arguments come fields with their values. `replaces` is empty where there must be no epoch yet; `awaited`
 * is '1' where the store does not have the file. The note of a removal, or an epoch, has to be told to gateways that were
 * away, so a head in its place stays for as long as it would have.
 */
export const BEGIN = new Script(`${SERVER_ID}${SET_FIELDS}
local head, history = KEYS[1], KEYS[2]
local server, replaces, ttl, awaited = unpack(ARGV, 1, 4)
server = serverId(server)
local headServer, headEpoch, removed = unpack(redis.call('HMGET', head, 'server', 'epoch', 'removed'))
local current = headServer == server and headEpoch or ''
if current ~= replaces then return 0 end
redis.call('UNLINK', head, history)
if headServer or removed then awaited = 0 end
setFields(5, #ARGV)
redis.call('HSET', head, 'server', server, 'revision', 0, 'emails', 0, 'floor', 0, 'kept', 0, 'bytes', 0, 'awaited', awaited)
redis.call('PEXPIRE', head, ttl)
return 1`);

/**
 * The kept events after one revision up to another one ('+': the newest); `anyEpoch` is '1' to read the current epoch,
 * whichever it is. Answers with the id of the server, the head, and the events as pairs of id and payload; with nil in
 * their place where some are not kept or the epoch is another one. Only the id: nothing is kept of the file; two elements:
 * it was removed.
 */
export const READ = new Script(`${SERVER_ID}
local head, history = KEYS[1], KEYS[2]
local server, epoch, after, upTo, anyEpoch = unpack(ARGV, 1, 5)
server = serverId(server)
local headServer, headEpoch, revision, emails, floor, kept, stats, removed = unpack(
  redis.call('HMGET', head, 'server', 'epoch', 'revision', 'emails', 'floor', 'kept', 'stats', 'removed'))
if removed then return {server, 'removed'} end
if not headEpoch or headServer ~= server then return {server} end
after = tonumber(after)
local events = false
if (anyEpoch == '1' or epoch == headEpoch) and after >= tonumber(floor) and after <= tonumber(revision)
  and redis.call('XLEN', history) == tonumber(kept) then
  events = {}
  local from = string.format('%.0f-0', after + 1)
  for _, entry in ipairs(redis.call('XRANGE', history, from, upTo)) do
    local id, payload = entry[1], entry[2][2]
    events[#events + 1] = id
    events[#events + 1] = payload
  end
end
return {server, headEpoch, revision, emails, stats, events}`);

/**
 * The last follower at a gateway has left. A file that has not begun is forgotten soon, unless a gateway that still follows
 * it hears of this, and starts its time to live again.
 */
export const LEAVE = new Script(`${PUBLISH}
local head = KEYS[1]
local server, ttl, channel, message = unpack(ARGV, 1, 4)
local awaited, revision = unpack(redis.call('HMGET', head, 'awaited', 'revision'))
if awaited ~= '1' or revision ~= '0' then return 0 end
redis.call('PEXPIRE', head, ttl)
return redis.call(publishCommand(server), channel, message)`);

/** `removed` stays for as long as the feed would have: a gateway that was disconnected finds it when it reads. */
export const REMOVE = new Script(`${PUBLISH}
local head, history = KEYS[1], KEYS[2]
local server, ttl, channel, message = unpack(ARGV, 1, 4)
redis.call('UNLINK', head, history)
redis.call('HSET', head, 'removed', 1)
redis.call('PEXPIRE', head, ttl)
return redis.call(publishCommand(server), channel, message)`);
