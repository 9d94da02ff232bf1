import type { Redis } from 'ioredis';
import type { Connection } from '../../redis/connection.js';
import { Script } from '../../redis/script.js';
import { GROUP, STREAM } from './redis-names.js';
import { readEntries, type StreamEntry } from './stream-entry.js';

/** ARGV: group, ids. Who has been served alone leaves nothing lying about; other groups may still want it. */
const ACKNOWLEDGE = new Script(`
local ids = {unpack(ARGV, 2)}
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err or #groups ~= 1 or groups[1][2] ~= ARGV[1] then return 0 end
return redis.call('XDEL', KEYS[1], unpack(ids))`);

/** ARGV: group, milliseconds, name or ''. Removes consumers with nothing pending that were not heard of for that long. */
const FORGET = new Script(`
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return 0 end
local removed = 0
for _, fields in ipairs(consumers) do
  local of = {}
  for at = 1, #fields, 2 do of[fields[at]] = fields[at + 1] end
  if of.pending == 0 and of.idle >= tonumber(ARGV[2]) and (ARGV[3] == '' or of.name == ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
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
