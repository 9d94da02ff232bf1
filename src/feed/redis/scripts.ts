import { Script } from '../../redis/script.js';

/*
 * The steps that have to be one step, in Lua. They know revisions, fields and bytes, and nothing of what is in them.
 * KEYS: the head and the history of a file, see `keys.ts`.
 *
 * Fields of the head: `server` epoch revision, `emails` (revision of the last kept event), `floor` (that of the newest
 * dropped one), `kept` and `bytes` (of the history), and those that TypeScript writes.
 */

/** Sets fields of the head from a stretch of ARGV, in portions that fit on Lua's stack. */
const PUT = `
local function put(from, to)
  for at = from, to, 1000 do
    redis.call('HSET', KEYS[1], unpack(ARGV, at, math.min(at + 999, to)))
  end
end`;

/**
 * ARGV: server, epoch and revision that are expected, new revision, time to live, revisions and bytes of history, index
 * of the first event, channel of the followers; fields and values; for each event: '1' to keep it, name of its feed,
 * revision, public channel, payload. 1: appended; 0: the feed stands elsewhere.
 */
export const APPEND = new Script(`${PUT}
local at = redis.call('HMGET', KEYS[1], 'server', 'epoch', 'revision', 'emails', 'floor', 'kept', 'bytes')
if at[1] ~= ARGV[1] or at[2] ~= ARGV[2] or at[3] ~= ARGV[3] then return 0 end
local emails, floor, kept, bytes = at[4], tonumber(at[5]), tonumber(at[6]), tonumber(at[7])
if redis.call('XLEN', KEYS[2]) ~= kept then
  redis.call('UNLINK', KEYS[2])
  floor, kept, bytes = tonumber(emails), 0, 0
end

local events = tonumber(ARGV[8])
put(10, events - 1)
local news = {}
for i = events, #ARGV, 5 do
  local feed, revision, payload = ARGV[i + 1], ARGV[i + 2], ARGV[i + 4]
  news[#news + 1] = table.concat({feed, revision, emails, ARGV[2]}, ' ') .. '\\n' .. payload
  if ARGV[i] == '1' then
    emails = revision
    redis.call('XADD', KEYS[2], revision .. '-0', 'payload', payload)
    kept, bytes = kept + 1, bytes + #payload
  end
end

local oldest, most = tonumber(ARGV[4]) - tonumber(ARGV[6]), tonumber(ARGV[7])
while kept > 0 and (bytes > most or oldest > floor) do
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  local revision = tonumber(string.match(first[1], '%d+'))
  if revision > oldest and bytes <= most then break end
  redis.call('XDEL', KEYS[2], first[1])
  floor, kept, bytes = revision, kept - 1, bytes - #first[2][2]
end

redis.call('HSET', KEYS[1], 'revision', ARGV[4], 'emails', emails,
  'floor', floor, 'kept', kept, 'bytes', bytes)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
for i = events, #ARGV, 5 do
  redis.call('PUBLISH', ARGV[9], news[(i - events) / 5 + 1])
  redis.call('PUBLISH', ARGV[i + 3], ARGV[i + 4])
end
return 1`);

/** ARGV: server, the epoch to be replaced (empty: none stands), time to live; fields and values. */
export const BEGIN = new Script(`${PUT}
local at = redis.call('HMGET', KEYS[1], 'server', 'epoch')
local epoch = at[1] == ARGV[1] and at[2] or ''
if epoch ~= ARGV[2] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
put(4, #ARGV)
redis.call('HSET', KEYS[1], 'server', ARGV[1], 'revision', 0, 'emails', 0, 'floor', 0, 'kept', 0, 'bytes', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`);

/**
 * ARGV: server, epoch, the revision after which to read, the last one to read or '+', '1' to read whichever epoch stands.
 * Where the feed stands and the kept events as pairs of id and payload, or nothing in their place: too old, or of
 * another epoch. Empty: it is not kept; one element: it was removed.
 */
export const READ = new Script(`
local at = redis.call('HMGET', KEYS[1], 'server', 'epoch', 'revision', 'emails', 'floor', 'kept', 'stats', 'removed')
if at[8] then return {'removed'} end
if not at[2] or at[1] ~= ARGV[1] then return {} end
local after = tonumber(ARGV[3])
local events = false
if (ARGV[5] == '1' or ARGV[2] == at[2]) and after >= tonumber(at[5]) and after <= tonumber(at[3])
  and redis.call('XLEN', KEYS[2]) == tonumber(at[6]) then
  events = {}
  local from = string.format('%.0f-0', after + 1)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from, ARGV[4])) do
    events[#events + 1] = entry[1]
    events[#events + 1] = entry[2][2]
  end
end
return {at[2], at[3], at[4], at[7], events}`);

/**
 * ARGV: time to live, channel of the followers, what to tell them. A mark stays for as long as the feed would have: whoever was away when this was
 * published finds it.
 */
export const REMOVE = new Script(`
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'removed', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('PUBLISH', ARGV[2], ARGV[3])`);
