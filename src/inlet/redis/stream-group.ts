/** A Redis Stream of updates: its entries, and the commands of one consumer of the group `verigate`. */

import type { Redis } from 'ioredis';
import { DAY_MS } from '../../domain/durations.js';
import type { Connection } from '../../redis/connection.js';
import { Script } from '../../redis/script.js';
import { MAX_PAYLOAD_BYTES } from '../../store/dead-letters.js';
import { textOf } from '../update-reader.js';

/** The validator's side knows the names of the Streams and of the group, so they have no prefix. */
export const STREAM = 'email_validation_results:stream';
export const GROUP = 'verigate';

/** The Streams that gateways read: the one that every producer knows, and the parts of a split one. */
export const streamsOf = (shards: number): string[] =>
  shards === 1 ? [STREAM] : [STREAM, ...Array.from({ length: shards }, (_, number) => `${STREAM}:${number}`)];

/** The field of an entry that holds the update. */
const FIELD = Buffer.from('data');
/** What JSON adds to a field of an entry, at least. */
const QUOTES_BYTES = 3;
/** Longer than any gateway waits before it takes over an entry. */
const RELEASED_IDLE_MS = DAY_MS;

export interface StreamEntry {
  readonly id: string;
  /** Names and values in turn. */
  readonly fields: readonly Buffer[];
}

interface PendingEntry {
  readonly id: string;
  readonly deliveries: number;
}

/** Reads up to `maxCount` new entries, and none once those that it has read have `maxBytes`. */
const READ = new Script(`
local stream, group, consumer, maxCount, maxBytes = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local entries, bytes = {}, 0
while #entries < maxCount and bytes < maxBytes do
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', stream, '>')
  if not read then break end
  local entry = read[1][2][1]
  entries[#entries + 1] = entry
  for _, text in ipairs(entry[2]) do bytes = bytes + #text end
end
return entries`);

/** Acknowledges an entry, and deletes it where this is the only group: other groups may still have to read it. */
const ACKNOWLEDGE = new Script(`
local stream, group, id = KEYS[1], ARGV[1], ARGV[2]
redis.call('XACK', stream, group, id)
local groups = redis.pcall('XINFO', 'GROUPS', stream)
if groups.err or #groups ~= 1 or groups[1][2] ~= group then return 0 end
return redis.call('XDEL', stream, id)`);

/** Removes consumers (the named one, or any where `name` is empty) that have nothing pending and were idle for `idleMs`. */
const FORGET = new Script(`
local stream, group, idleMs, name = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
if consumers.err then return 0 end
local removed = 0
for _, fields in ipairs(consumers) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  if consumer.pending == 0 and consumer.idle >= idleMs and (name == '' or consumer.name == name) then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    removed = removed + 1
  end
end
return removed`);

/** The commands of one consumer. The stream and the group exist after `create`. */
export class StreamGroup {
  constructor(
    private readonly connection: Connection<unknown>,
    readonly stream: string,
    private readonly consumer: string,
  ) {}

  /** The group begins at the first entry: entries that were added before the first gateway started are taken in as well. */
  async create(redis: Redis): Promise<void> {
    try {
      await redis.xgroup('CREATE', this.stream, GROUP, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
    }
  }

  /** New entries that are there already, one at least; no further one once they have `maxBytes` together. */
  async readBacklog(redis: Redis, count: number, maxBytes: number): Promise<StreamEntry[]> {
    const answer = await READ.runBuffer(redis, [this.stream], [GROUP, this.consumer, count, maxBytes]);
    return readEntries(answer).filter((entry) => entry !== null);
  }

  /** Waits for new entries on a connection of its own. How large they are is not known before: `count` bounds them. */
  async read(redis: Redis, count: number, blockMs: number): Promise<StreamEntry[]> {
    const args = [
      'GROUP',
      GROUP,
      this.consumer,
      'COUNT',
      count,
      'BLOCK',
      blockMs,
      'STREAMS',
      this.stream,
      '>',
    ];
    const answer = (await redis.callBuffer('xreadgroup', args)) as [Buffer, unknown][] | null;
    return readEntries(answer?.[0]?.[1]).filter((entry) => entry !== null);
  }

  /** Entries that no consumer has read (null: the server does not know, before Redis 7), and those not acknowledged yet. */
  async backlog(): Promise<{ lag: number | null; pending: number }> {
    const groups = await this.connection.run((redis) => redis.call('xinfo', 'GROUPS', this.stream));
    const fields = (Array.isArray(groups) ? groups : []).map((flat: unknown[]) =>
      Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[String(name), flat[at + 1]]] : []))),
    );
    const ours = fields.find(({ name }) => name === GROUP);
    return { lag: typeof ours?.lag === 'number' ? ours.lag : null, pending: Number(ours?.pending ?? 0) };
  }

  /** Pending entries of any consumer that have been idle for `idleMs`. */
  overdue(idleMs: number, count: number): Promise<PendingEntry[]> {
    return this.#pending(['IDLE', idleMs, '-', '+', count]);
  }

  /** Pending entries of this consumer. */
  own(count: number): Promise<PendingEntry[]> {
    return this.#pending(['-', '+', count, this.consumer]);
  }

  /** Takes an entry over. `taken`: another gateway was faster; `deleted`: the stream does not have it any more. */
  async claim(id: string, idleMs: number): Promise<StreamEntry | 'taken' | 'deleted'> {
    const [entry] = await this.connection.run(async (redis) =>
      readEntries(await redis.callBuffer('xclaim', [this.stream, GROUP, this.consumer, idleMs, id])),
    );
    if (entry === undefined) return 'taken';
    return entry ?? 'deleted';
  }

  /** Resets the idle time of entries, so that no other gateway takes them over. Does not count as a delivery. */
  async keep(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.connection.run((redis) =>
      redis.call('xclaim', [this.stream, GROUP, this.consumer, 0, ...ids, 'JUSTID']),
    );
  }

  /** Lets the next gateway that looks for overdue entries take these over. */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const idle = ['IDLE', RELEASED_IDLE_MS, 'JUSTID'];
    await this.connection.run((redis) =>
      redis.call('xclaim', [this.stream, GROUP, this.consumer, 0, ...ids, ...idle]),
    );
  }

  async acknowledge(id: string): Promise<void> {
    await this.connection.run((redis) => ACKNOWLEDGE.run(redis, [this.stream], [GROUP, id]));
  }

  /** Removes consumers that have no pending entries and have been idle for `idleMs`. */
  async forgetIdle(idleMs: number): Promise<void> {
    await this.connection.run((redis) => FORGET.run(redis, [this.stream], [GROUP, idleMs, '']));
  }

  /** Removes this consumer, unless it has pending entries. */
  async leave(): Promise<void> {
    await this.connection.run((redis) => FORGET.run(redis, [this.stream], [GROUP, 0, this.consumer]));
  }

  async #pending(query: readonly (string | number)[]): Promise<PendingEntry[]> {
    const answer = await this.connection.run((redis) =>
      redis.call('xpending', [this.stream, GROUP, ...query]),
    );
    return (answer as [id: string, consumer: string, idle: number, deliveries: number][]).map(
      ([id, , , deliveries]) => ({ id, deliveries }),
    );
  }
}

export const bytesOf = ({ fields }: StreamEntry): number =>
  fields.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** The update of an entry; a string: why there is none. Other fields are ignored. */
export function updateIn({ fields }: StreamEntry): Buffer | string {
  const values = fields.filter((_, index) => index % 2 === 1 && fields[index - 1]?.equals(FIELD));
  const [value] = values;
  if (value === undefined) return `${FIELD}: is required`;
  return values.length === 1 ? value : `${FIELD}: must be there once`;
}

/** The fields of an entry as JSON text, in pairs: a name may occur twice. Of a large entry, no more than can be kept of it. */
export function entryText({ fields }: StreamEntry): string {
  const pairs: [name: string, value: string][] = [];
  let room = MAX_PAYLOAD_BYTES;
  const read = (field: Buffer | undefined): string => {
    const kept = field?.subarray(0, room) ?? Buffer.alloc(0);
    room -= kept.byteLength + QUOTES_BYTES;
    return textOf(kept);
  };
  for (let index = 0; index < fields.length && room > 0; index += 2)
    pairs.push([read(fields[index]), room > 0 ? read(fields[index + 1]) : '']);
  return JSON.stringify(pairs);
}

type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null] | null;

/** Reads a list of entries from an answer of Redis; null: an entry that was deleted meanwhile. */
const readEntries = (answer: unknown): (StreamEntry | null)[] =>
  ((answer ?? []) as RawEntry[]).map((raw) =>
    raw === null || raw[1] === null ? null : { id: raw[0].toString(), fields: raw[1] },
  );
