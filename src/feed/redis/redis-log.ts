/** The feeds as they are stored in Redis: reads and writes heads and histories, and publishes what is appended. */

import type { Redis } from 'ioredis';
import { batchOfText } from '../../domain/batch-text.js';
import { type Cursor, roomOf } from '../../domain/events.js';
import type { BatchId, Epoch, FileId } from '../../domain/id.js';
import { inTurns } from '../../portions.js';
import type { Connection } from '../../redis/connection.js';
import type { Change, EpochStart, FeedEvent, FeedLimits, Head } from '../feed.js';
import { AppendedHeads } from './appended-heads.js';
import { LEFT, removalMessage } from './messages.js';
import {
  ANY_SERVER,
  APPEND,
  BEGIN,
  batchField,
  type FileKeys,
  keysOf,
  LEAVE,
  READ,
  REMOVE,
  SERVER_OF_KEY,
  scriptKeys,
} from './scripts.js';
import { batchFields, headFrom, isUnreadable, stateFields } from './stored-head.js';

/**
 * Each id may be subscribed to, whether there is such a file or not: what is left of those that no listener waits for is
 * kept for as long as a listener takes to connect again.
 */
const LEFT_TTL_MS = 10_000;

export interface RedisLogOptions extends FeedLimits {
  /** Prefix of all keys and of the channels between gateways; the gateways of one installation share it. */
  readonly prefix: string;
}

/** What one read finds of a file's feed; `server` is the id of the server process that answered. */
export type HistoryRead = { readonly server: string } & (
  | { readonly kind: 'none' | 'removed' }
  | {
      readonly kind: 'kept';
      readonly epoch: Epoch;
      readonly revision: number;
      readonly emailsRevision: number;
      /** The newest stats, as JSON. */
      readonly stats: string;
      /** The `emails` events after the cursor; null: they are not kept, or the cursor is of another epoch. */
      readonly missed: FeedEvent[] | null;
    }
);

/**
 * A head is bound to the server process on which its epoch began. A server that restarts from its disk, or a replica that
 * is promoted, may have lost the newest changes; going on from there would use their revisions twice. So a head that another
 * server process wrote counts as not kept, and a new epoch is begun from the store.
 */
export class RedisLog {
  readonly #appended = new AppendedHeads();

  /** The connection passes the id of the server process to each command. */
  constructor(
    private readonly connection: Connection<string>,
    private readonly options: RedisLogOptions,
  ) {}

  async head(fileId: FileId, batchIds: readonly BatchId[]): Promise<Head | null> {
    const fields = ['server', 'epoch', 'revision', 'emails', 'state', 'stats', ...batchIds.map(batchField)];
    const key = this.#keys(fileId).head;
    const { server, values } = await this.#run(fileId, async (redis, server) => ({
      values: (await redis.call('hmget', [key, ...fields])) as (string | null)[],
      // Asked afterwards: the head of a server that was replaced meanwhile counts as not kept.
      server: server === ANY_SERVER ? await SERVER_OF_KEY.run(redis, [key], []) : server,
    }));
    const [writtenBy, epoch, revision, emails, state, stats, ...batches] = values;
    if (writtenBy !== server || !epoch) return null;
    const head = headFrom({ epoch, revision, emails, state, stats, batches }, batchIds);
    if (head === null) await this.connection.run((redis) => redis.unlink(scriptKeys(this.#keys(fileId))));
    else this.#appended.wasRead(fileId, head);
    return head;
  }

  lastHead(fileId: FileId, batchIds: readonly BatchId[]): Head | null {
    return this.#appended.get(fileId, batchIds);
  }

  async begin(fileId: FileId, { epoch, state, batches }: EpochStart, replaces: Epoch | null): Promise<void> {
    const fields = ['epoch', epoch, ...stateFields(state)];
    for await (const some of inTurns([...batches]))
      fields.push(...batchFields(some.map(([batchId, text]) => [batchId, batchOfText(text)])));
    this.#appended.forget(fileId);
    await this.#run(fileId, (redis, server) =>
      BEGIN.run(redis, scriptKeys(this.#keys(fileId)), [
        server,
        replaces ?? '',
        this.options.ttlMs,
        state.generation === '' ? 1 : 0,
        ...fields,
      ]),
    );
  }

  async append(fileId: FileId, expected: Head | Cursor, change: Change): Promise<boolean> {
    const { state, batches, events } = change;
    const { ttlMs, history, historyBytes } = this.options;
    const revision = events.at(-1)?.revision ?? expected.revision;
    const fields = [...stateFields(state), ...batchFields(batches)];
    // Only `emails` events are kept: of the stats, the newest replace all earlier ones.
    const eventArgs = events.flatMap(({ feed, revision, payload }) => [
      feed === 'emails' ? 1 : 0,
      feed,
      revision,
      roomOf(feed, fileId),
      payload,
    ]);
    const keys = this.#keys(fileId);
    const rest = [ttlMs, history, historyBytes, keys.channel, fields.length, ...fields, ...eventArgs];
    const { server, isAppended } = await this.#run(fileId, async (redis, server) => {
      const args = [server, expected.epoch, expected.revision, revision, ...rest];
      return { server, isAppended: (await APPEND.run(redis, scriptKeys(keys), args)) === 1 };
    });
    if (!isAppended) this.#appended.wasOutOfDate(fileId);
    // Where the server's process is not known, a restart may have taken back what is remembered.
    else if (server !== '' && 'state' in expected) this.#appended.appended(fileId, expected, change);
    return isAppended;
  }

  /** The head of the feed, and the events after the cursor (null: since the epoch began) up to a revision. */
  read(fileId: FileId, cursor: Cursor | null, upTo: number): Promise<HistoryRead> {
    const { epoch, revision } = cursor ?? { epoch: '', revision: 0 };
    const last = Number.isFinite(upTo) ? upTo : '+';
    return this.#run(fileId, async (redis, server) => {
      const args = [server, epoch, revision, last, cursor === null ? 1 : 0];
      return parseReply((await READ.run(redis, scriptKeys(this.#keys(fileId)), args)) as Reply);
    });
  }

  /** Starts the time to live of the files again, although they have not changed. */
  async extendTtl(fileIds: readonly FileId[]): Promise<void> {
    const { ttlMs } = this.options;
    const keys = fileIds.map((fileId) => this.#keys(fileId)).flatMap(({ head, history }) => [head, history]);
    // No pipeline: in a cluster the keys are on different nodes, and one that is away delays no other one.
    await this.connection.run((redis) => Promise.all(keys.map((key) => redis.pexpire(key, ttlMs))));
  }

  /** The last follower here has left: a file that has not begun is forgotten soon, if no other gateway follows it. */
  async leave(fileId: FileId): Promise<void> {
    const keys = this.#keys(fileId);
    const rest = [Math.min(LEFT_TTL_MS, this.options.ttlMs), keys.channel, LEFT];
    await this.#run(fileId, (redis, server) => LEAVE.run(redis, scriptKeys(keys), [server, ...rest]));
  }

  async remove(fileId: FileId, removalId: string): Promise<void> {
    this.#appended.forget(fileId);
    const keys = this.#keys(fileId);
    const rest = [this.options.ttlMs, keys.channel, removalMessage(removalId)];
    await this.connection.run((redis, server) => REMOVE.run(redis, scriptKeys(keys), [server, ...rest]));
  }

  close(): void {
    this.#appended.close();
  }

  /** A feed that no gateway has written so counts as not kept: its file would wait for an operator otherwise. */
  async #run<T>(fileId: FileId, command: (redis: Redis, server: string) => Promise<T>): Promise<T> {
    try {
      return await this.connection.run(command);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      await this.connection.run((redis) => redis.unlink(scriptKeys(this.#keys(fileId))));
      return await this.connection.run(command);
    }
  }

  #keys(fileId: FileId): FileKeys {
    return keysOf(this.options.prefix, fileId);
  }
}

/** What the script `READ` answers. */
type Reply =
  | [server: string]
  | [server: string, removed: string]
  | [server: string, epoch: Epoch, revision: string, emails: string, stats: string, events: string[] | null];

function parseReply(reply: Reply): HistoryRead {
  const [server] = reply;
  if (reply.length === 1) return { server, kind: 'none' };
  if (reply.length === 2) return { server, kind: 'removed' };
  const [, epoch, revision, emails, stats, entries] = reply;
  const missed: FeedEvent[] = [];
  for (let i = 0; entries !== null && i + 1 < entries.length; i += 2) {
    missed.push({
      feed: 'emails',
      revision: Number.parseInt(entries[i] ?? '', 10),
      payload: entries[i + 1] ?? '',
    });
  }
  return {
    server,
    kind: 'kept',
    epoch,
    revision: Number(revision),
    emailsRevision: Number(emails),
    stats,
    missed: entries === null ? null : missed,
  };
}
