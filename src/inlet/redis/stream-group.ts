import type { Redis } from 'ioredis';
import type { Connection } from '../../redis/connection.js';
import { Script } from '../../redis/script.js';
import { GROUP, STREAM } from './redis-names.js';
import { readEntries, type StreamEntry } from './stream-entry.js';

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

/** Idle for longer than anybody waits: the next one who looks takes it. */
const RELEASED_MS = 24 * 3_600_000;

/** What a consumer asks of its group; the stream and the group are there after `create`. */
export class StreamGroup {
  constructor(
    private readonly connection: Connection<unknown>,
    private readonly consumer: string,
  ) {}

  /** From the first entry on: those that came before the first gateway are taken in as well. */
  static async create(redis: Redis): Promise<void> {
    try {
      await redis.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
    }
  }

  /** Waits for new entries on a connection of its own. */
  async read(redis: Redis, count: number, blockMs: number): Promise<StreamEntry[]> {
    const args = ['GROUP', GROUP, this.consumer, 'COUNT', count, 'BLOCK', blockMs, 'STREAMS', STREAM, '>'];
    const answer = (await redis.callBuffer('xreadgroup', args)) as [Buffer, unknown][] | null;
    return readEntries(answer?.[0]?.[1]).filter((entry) => entry !== null);
  }

  /** Entries that nobody has dealt with for so long, with how often each was delivered. */
  overdue(idleMs: number, count: number): Promise<{ id: string; deliveries: number }[]> {
    return this.#pending(['IDLE', idleMs, '-', '+', count]);
  }

  /** Entries that were delivered to this consumer. */
  own(count: number): Promise<{ id: string; deliveries: number }[]> {
    return this.#pending(['-', '+', count, this.consumer]);
  }

  /** Takes an entry over, unless somebody was faster; `deleted`: there is nothing left of it. */
  async claim(id: string, idleMs: number): Promise<StreamEntry | 'taken' | 'deleted'> {
    const [entry] = await this.connection.run(async (redis) =>
      readEntries(await redis.callBuffer('xclaim', [STREAM, GROUP, this.consumer, idleMs, id])),
    );
    if (entry === undefined) return 'taken';
    return entry ?? 'deleted';
  }

  /** Says that these are still being dealt with, so that nobody takes them over. Counts as no delivery. */
  async keep(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.connection.run((redis) =>
      redis.call('xclaim', [STREAM, GROUP, this.consumer, 0, ...ids, 'JUSTID']),
    );
  }

  /** Leaves these to whoever looks next. */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const idle = ['IDLE', RELEASED_MS, 'JUSTID'];
    await this.connection.run((redis) =>
      redis.call('xclaim', [STREAM, GROUP, this.consumer, 0, ...ids, ...idle]),
    );
  }

  async acknowledge(id: string): Promise<void> {
    await this.connection.run((redis) => ACKNOWLEDGE.run(redis, [STREAM], [GROUP, id]));
  }

  /** Removes consumers that have nothing to do and were not heard of for so long. */
  async forgetIdle(idleMs: number): Promise<void> {
    await this.connection.run((redis) => FORGET.run(redis, [STREAM], [GROUP, idleMs, '']));
  }

  /** Removes this consumer, unless it leaves something. */
  async leave(): Promise<void> {
    await this.connection.run((redis) => FORGET.run(redis, [STREAM], [GROUP, 0, this.consumer]));
  }

  async #pending(query: readonly (string | number)[]): Promise<{ id: string; deliveries: number }[]> {
    const answer = await this.connection.run((redis) => redis.call('xpending', [STREAM, GROUP, ...query]));
    return (answer as [id: string, consumer: string, idle: number, deliveries: number][]).map(
      ([id, , , deliveries]) => ({ id, deliveries }),
    );
  }
}
