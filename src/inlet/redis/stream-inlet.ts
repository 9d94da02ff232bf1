/**
 * Takes in updates from one Redis Stream, each at least once: an entry is acknowledged after its update is stored or a dead
 * letter, and the pending entries of a gateway that died are taken over.
 */

import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from '../../logger.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { Connection, type RedisConnectionOptions } from '../../redis/connection.js';
import type { Refusal } from '../../refusal.js';
import { backoff, pauseUnlessAborted } from '../../waiting.js';
import type { Inlet } from '../inlet.js';
import { EntriesInProgress } from './entries-in-progress.js';
import type { MessageProcessor, ProcessOutcome } from './message-processor.js';
import { bytesOf, entryText, type StreamEntry, type StreamGroup, updateIn } from './stream-group.js';

interface StreamDeps {
  /** The connection that waits for entries; it does nothing else. */
  readonly reader: Redis;
  readonly connection: Omit<RedisConnectionOptions<void>, 'onConnect' | 'onLost' | 'name'>;
  readonly group: StreamGroup;
  readonly processor: MessageProcessor;
  readonly maxDeliveries: number;
  /** Bytes of entries that may be in progress. A single entry is always accepted. */
  readonly maxBytes: number;
  /** An entry that is pending for this long without a sign of its gateway is taken over. */
  readonly idleMs: number;
  readonly logger: Logger;
}

/** Shorter than the time after which the client gives a command up. */
const BLOCK_MS = 1_000;
/** Entries that are waited for at once. With as many there may be more, which are then read by their bytes. */
const WAITED_COUNT = 2;
const MAX_READ_COUNT = 64;
/** Own pending entries that are claimed again after a failure, at most. */
const MAX_RECLAIMED = 256;
const OVERDUE_SLICE = 32;
/** A consumer is removed from the group after this many times `idleMs` without a sign of it. */
const FORGET_AFTER = 10;

export class StreamInlet implements Inlet {
  readonly #reader: Connection<void>;
  readonly #closing = new AbortController();
  readonly #entries: EntriesInProgress;
  /** The last read has not shown the end of the stream. */
  #hasBacklog = true;
  #reading: Promise<void> | undefined;
  #maintaining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(private readonly deps: StreamDeps) {
    // Every entry that pauses before its next attempt listens to the signal: many listeners are no leak.
    setMaxListeners(0, this.#closing.signal);
    this.#entries = new EntriesInProgress(deps.group, deps.maxBytes, this.#closing.signal);
    this.#reader = new Connection(deps.reader, {
      ...deps.connection,
      name: 'stream',
      onConnect: (redis) => deps.group.create(redis),
    });
  }

  start(): void {
    this.#reading ??= this.#read();
    this.#maintaining ??= this.#maintain();
  }

  problems(): string[] {
    return this.#reader.isReady ? [] : ['redis'];
  }

  get awayBecause(): Refusal | undefined {
    return this.#reader.awayBecause;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#entries.wake();
    // It may be waiting for entries. Those that Redis is sending now stay pending, and another gateway takes them over.
    this.deps.reader.disconnect();
    await this.#reader.close();
    await Promise.all([this.#reading, this.#maintaining]);
    await this.#entries.idle();
    await this.deps.group.leave().catch(() => undefined);
  }

  get #mayRead(): boolean {
    return !this.#closing.signal.aborted && this.#entries.hasRoom;
  }

  async #read(): Promise<void> {
    const { logger } = this.deps;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; ) {
      if (!this.#mayRead) {
        await this.#entries.changed();
        continue;
      }
      try {
        if (failures > 0) await this.#recover();
        this.#take(await this.#reader.run((redis) => this.#readEntries(redis)));
        failures = 0;
        await nextTurn();
      } catch (error) {
        if (signal.aborted) return;
        if (failures === 1)
          logger.warn({ err: error }, 'the Stream inlet failed to read the stream and tries again');
        await pauseUnlessAborted(backoff(failures++, REDIS_BACKOFF), signal);
      }
    }
  }

  async #readEntries(redis: Redis): Promise<StreamEntry[]> {
    const { group } = this.deps;
    if (!this.#hasBacklog) {
      const entries = await group.read(redis, WAITED_COUNT, BLOCK_MS);
      this.#hasBacklog = entries.length === WAITED_COUNT;
      return entries;
    }
    const { room } = this.#entries;
    const entries = await group.readBacklog(redis, MAX_READ_COUNT, room);
    const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
    this.#hasBacklog = entries.length === MAX_READ_COUNT || bytes >= room;
    return entries;
  }

  /** After a failure the group may be gone, and entries may have been delivered in an answer that was lost. */
  async #recover(): Promise<void> {
    const { group } = this.deps;
    await this.#reader.run((redis) => group.create(redis));
    for (const { id, deliveries } of await group.own(MAX_RECLAIMED)) {
      if (!this.#entries.has(id) && this.#mayRead) await this.#claim(id, deliveries, 0);
    }
  }

  #take(entries: readonly StreamEntry[]): void {
    for (const entry of entries) this.#entries.add(entry, async (failures) => this.#process(entry, failures));
  }

  async #process(entry: StreamEntry, failures: number): Promise<ProcessOutcome> {
    const update = updateIn(entry);
    // Reading an update may take half a millisecond: other work gets its turn in between.
    await nextTurn();
    if (typeof update !== 'string') return this.deps.processor.process(update, failures);
    return this.deps.processor.addDeadLetter(entryText(entry), update);
  }

  /** Periodically keeps the entries in progress, takes over those of dead gateways, and removes dead consumers. */
  async #maintain(): Promise<void> {
    const { group, idleMs } = this.deps;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await pauseUnlessAborted((idleMs / 3) * (0.75 + Math.random() / 2), signal);
      if (signal.aborted) return;
      try {
        await group.keep(this.#entries.ids);
        await this.#takeOver();
        await group.forgetIdle(idleMs * FORGET_AFTER);
      } catch {
        // Redis is away, or the group is gone: `#read` logs it and creates the group.
      }
    }
  }

  async #takeOver(): Promise<void> {
    const { group, idleMs } = this.deps;
    while (this.#mayRead) {
      const overdue = await group.overdue(idleMs, OVERDUE_SLICE);
      for (const { id, deliveries } of overdue) {
        if (!this.#mayRead) return;
        if (!this.#entries.has(id)) await this.#claim(id, deliveries, idleMs);
      }
      if (overdue.length < OVERDUE_SLICE) return;
      await nextTurn();
    }
  }

  async #claim(id: string, deliveries: number, idleMs: number): Promise<void> {
    const { group, processor, maxDeliveries } = this.deps;
    const claimed = await group.claim(id, idleMs);
    if (claimed === 'taken') return;
    if (claimed === 'deleted') return group.acknowledge(id);
    processor.count('taken_over');
    if (deliveries < maxDeliveries) {
      this.#take([claimed]);
      return;
    }
    const update = updateIn(claimed);
    const payload = typeof update === 'string' ? entryText(claimed) : update;
    this.#entries.add(claimed, () =>
      processor.addDeadLetter(payload, `was delivered ${deliveries} times and never stored`),
    );
  }
}
