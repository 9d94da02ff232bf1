import { type Cursor, roomOf } from '../../domain/events.js';
import type { AnnouncedBatch } from '../../domain/summary.js';
import type { Connection } from '../../redis/connection.js';
import type { Change, EpochStart, FeedEvent, FileState, Head } from '../feed.js';
import { batchField, type FileKeys, keysOf, scriptKeys } from './keys.js';
import { removalMessage } from './message.js';
import { APPEND, BEGIN, READ, REMOVE } from './scripts.js';

export interface RedisLogOptions {
  readonly prefix: string;
  readonly history: number;
  readonly historyBytes: number;
  readonly ttlMs: number;
}

/** What a reader finds of a file. */
export type HistoryRead = { readonly server: string } & (
  | { readonly standing: 'none' | 'removed' }
  | {
      readonly standing: 'kept';
      readonly epoch: string;
      readonly revision: number;
      readonly emailsRevision: number;
      /** The newest stats, as JSON. */
      readonly stats: string;
      /** The `emails` events after the cursor; null: they are not kept, or the cursor is of another epoch. */
      readonly missed: FeedEvent[] | null;
    }
);

/**
 * The files' feeds as they are kept in Redis. A head is bound to the server process that it was begun on: one that comes
 * back from a disk, or a replica that is promoted, may have lost the newest changes, and would give their revisions away
 * a second time. What another server wrote counts as not kept, and a new epoch starts from the store.
 */
export class RedisLog {
  constructor(
    private readonly connection: Connection<string>,
    private readonly options: RedisLogOptions,
  ) {}

  async head(fileId: string, batchIds: readonly string[]): Promise<Head | null> {
    const fields = ['server', 'epoch', 'revision', 'emails', 'state', 'stats', ...batchIds.map(batchField)];
    const { server, values } = await this.connection.run(async (redis, server) => ({
      server,
      values: (await redis.call('hmget', [this.#keys(fileId).head, ...fields])) as (string | null)[],
    }));
    const [writtenBy, epoch, revision, emails, state, stats, ...batches] = values;
    if (writtenBy !== server || !epoch || !state) return null;
    const announced = batchIds.flatMap((batchId, index): [string, AnnouncedBatch][] => {
      const batch = batches[index];
      return batch ? [[batchId, JSON.parse(batch) as AnnouncedBatch]] : [];
    });
    return {
      epoch,
      revision: Number(revision),
      emailsRevision: Number(emails),
      state: { ...(JSON.parse(state) as Omit<FileState, 'stats'>), stats: stats ?? '' },
      batches: new Map(announced),
    };
  }

  async begin(fileId: string, { epoch, state, batches }: EpochStart, instead: string | null): Promise<void> {
    const fields = ['epoch', epoch, ...fieldsOf(state, batches)];
    await this.connection.run((redis, server) =>
      BEGIN.run(redis, scriptKeys(this.#keys(fileId)), [
        server,
        instead ?? '',
        this.options.ttlMs,
        ...fields,
      ]),
    );
  }

  async append(fileId: string, expected: Cursor, { state, batches, events }: Change): Promise<boolean> {
    const { ttlMs, history, historyBytes } = this.options;
    const revision = events.at(-1)?.revision ?? expected.revision;
    const fields = fieldsOf(state, batches);
    // Only `emails` events are worth keeping: of the stats, the newest is all that anybody needs.
    const told = events.flatMap(({ feed, revision, payload }) => [
      feed === 'emails' ? 1 : 0,
      feed,
      revision,
      roomOf(feed, fileId),
      payload,
    ]);
    const keys = this.#keys(fileId);
    const rest = [ttlMs, history, historyBytes, 10 + fields.length, keys.messages, ...fields, ...told];
    return this.connection.run(async (redis, server) => {
      const args = [server, expected.epoch, expected.revision, revision, ...rest];
      return (await APPEND.run(redis, scriptKeys(keys), args)) === 1;
    });
  }

  /** Where the file's feed stands, and what came after the cursor (null: since the epoch began) up to a revision. */
  read(fileId: string, cursor: Cursor | null, upTo: number): Promise<HistoryRead> {
    const { epoch, revision } = cursor ?? { epoch: '', revision: 0 };
    const last = Number.isFinite(upTo) ? upTo : '+';
    return this.connection.run(async (redis, server) => {
      const args = [server, epoch, revision, last, cursor === null ? 1 : 0];
      return { server, ...readingOf((await READ.run(redis, scriptKeys(this.#keys(fileId)), args)) as Reply) };
    });
  }

  /** Lets the files stay, although nothing has changed. */
  async extendTtl(fileIds: readonly string[]): Promise<void> {
    const { ttlMs } = this.options;
    await this.connection.run((redis) => {
      const pipeline = redis.pipeline();
      for (const { head, history } of fileIds.map((fileId) => this.#keys(fileId)))
        pipeline.pexpire(head, ttlMs).pexpire(history, ttlMs);
      return pipeline.exec();
    });
  }

  async remove(fileId: string, removalId: string): Promise<void> {
    const keys = this.#keys(fileId);
    const args = [this.options.ttlMs, keys.messages, removalMessage(removalId)];
    await this.connection.run((redis) => REMOVE.run(redis, scriptKeys(keys), args));
  }

  #keys(fileId: string): FileKeys {
    return keysOf(this.options.prefix, fileId);
  }
}

function fieldsOf({ stats, ...state }: FileState, batches: ReadonlyMap<string, AnnouncedBatch>): string[] {
  const announced = [...batches].flatMap(([batchId, batch]) => [batchField(batchId), JSON.stringify(batch)]);
  return ['state', JSON.stringify(state), 'stats', stats, ...announced];
}

type Reply =
  | []
  | [removed: string]
  | [epoch: string, revision: string, emails: string, stats: string, events: string[] | null];

type Found<R> = R extends unknown ? Omit<R, 'server'> : never;

function readingOf(reply: Reply): Found<HistoryRead> {
  if (reply.length === 0) return { standing: 'none' };
  if (reply.length === 1) return { standing: 'removed' };
  const [epoch, revision, emails, stats, entries] = reply;
  const missed: FeedEvent[] = [];
  for (let i = 0; entries !== null && i + 1 < entries.length; i += 2) {
    missed.push({
      feed: 'emails',
      revision: Number.parseInt(entries[i] ?? '', 10),
      payload: entries[i + 1] ?? '',
    });
  }
  return {
    standing: 'kept',
    epoch,
    revision: Number(revision),
    emailsRevision: Number(emails),
    stats,
    missed: entries === null ? null : missed,
  };
}
