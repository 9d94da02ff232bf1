import { setMaxListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { backoff, pauseUnlessAborted } from '../../backoff.js';
import type { Logger } from '../../logger.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { Connection, type ConnectionOptions } from '../../redis/connection.js';
import type { Inlet } from '../inlet.js';
import type { MessageProcessor } from './message-processor.js';
import { bytesOf, entryText, type StreamEntry, updateIn } from './stream-entry.js';
import { StreamGroup } from './stream-group.js';

export interface StreamDeps {
  /** The connection that waits for entries; it does nothing else. */
  readonly reader: Redis;
  readonly connection: Omit<ConnectionOptions<void>, 'onConnect' | 'onLost' | 'name'>;
  readonly group: StreamGroup;
  readonly processor: MessageProcessor;
  readonly maxDeliveries: number;
  /** Bytes of entries that may be at work here; one entry always may. */
  readonly maxBytes: number;
  /** An entry that nobody has dealt with for so long is taken over. */
  readonly idleMs: number;
  readonly logger: Logger;
}

/** Shorter than the client's patience with a command that is not answered. */
const BLOCK_MS = 1_000;
const READ_AT_ONCE = 64;
const HELD_AT_ONCE = 256;
const LOOKED_AT = 32;
/** A consumer is forgotten when it is not heard of for so many times the limit of its entries. */
const FORGET_AFTER = 10;

/** Redis Stream: at least once. An entry is acknowledged after it is stored or put aside; a dead gateway's are taken over. */
export class StreamInlet implements Inlet {
  readonly #reader: Connection<void>;
  /** Entries at work, each with its bytes. */
  readonly #held = new Map<string, number>();
  #bytes = 0;
  /** Entries that have to be tried again: nothing more is read until they are through. */
  #troubled = 0;
  /** Read at once: as many as fit if all are as large as the largest one of late. */
  #count = 8;
  #wake = (): void => undefined;
  #reading: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(private readonly deps: StreamDeps) {
    // Each entry in trouble listens to it while it rests: many at once are no leak.
    setMaxListeners(0, this.#closing.signal);
    this.#reader = new Connection(deps.reader, {
      ...deps.connection,
      name: 'stream',
      onConnect: (redis) => StreamGroup.create(redis),
    });
  }

  start(): void {
    this.#reading ??= this.#read();
    this.#looking ??= this.#lookAround();
  }

  problems(): string[] {
    return this.#reader.isReady ? [] : ['redis'];
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    // It may be waiting for entries; what is on its way just now is for another gateway.
    this.deps.reader.disconnect();
    await this.#reader.close();
    await Promise.all([this.#reading, this.#looking]);
    while (this.#held.size > 0) await this.#change();
    await this.deps.group.leave().catch(() => undefined);
  }

  get #mayRead(): boolean {
    const { signal } = this.#closing;
    const hasRoom = this.#held.size < HELD_AT_ONCE && this.#bytes < this.deps.maxBytes;
    return !signal.aborted && this.#troubled === 0 && hasRoom;
  }

  async #read(): Promise<void> {
    const { group, logger } = this.deps;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; ) {
      if (!this.#mayRead) {
        await this.#change();
        continue;
      }
      try {
        if (failures > 0) await this.#resume();
        this.#take(await this.#reader.run((redis) => group.read(redis, this.#count, BLOCK_MS)));
        failures = 0;
        await turn();
      } catch (error) {
        if (signal.aborted) return;
        if (failures === 1) logger.warn({ err: error }, 'the stream cannot be read; trying again');
        await pauseUnlessAborted(backoff(failures++, REDIS_BACKOFF), signal);
      }
    }
  }

  /** After a failure the group may be gone, and entries may have been delivered in an answer that never came. */
  async #resume(): Promise<void> {
    await this.#reader.run((redis) => StreamGroup.create(redis));
    for (const { id, deliveries } of await this.deps.group.own(HELD_AT_ONCE)) {
      if (!this.#held.has(id) && this.#mayRead) await this.#claim(id, deliveries, 0);
    }
  }

  #take(entries: readonly StreamEntry[]): void {
    const largest = Math.max(0, ...entries.map(bytesOf));
    if (largest > 0) {
      const fitting = Math.floor(this.deps.maxBytes / 2 / largest);
      this.#count = Math.max(1, Math.min(fitting, 2 * this.#count, READ_AT_ONCE));
    }
    for (const entry of entries) this.#hold(entry, async (failures) => this.#settle(entry, failures));
  }

  async #settle(entry: StreamEntry, failures: number) {
    const update = updateIn(entry);
    // Reading one may take half a millisecond: in between others have their turn.
    await turn();
    if (typeof update !== 'string') return this.deps.processor.process(update, failures);
    return this.deps.processor.addDeadLetter(entryText(entry), update);
  }

  /** Deals with an entry until it is through, or everything is over; then others find it pending. */
  #hold(entry: StreamEntry, settle: (failures: number) => Promise<'settled' | 'outage' | 'failure'>): void {
    const { id } = entry;
    if (this.#held.has(id)) return;
    const bytes = bytesOf(entry);
    this.#held.set(id, bytes);
    this.#bytes += bytes;
    void this.#finish(id, settle).finally(() => {
      this.#held.delete(id);
      this.#bytes -= bytes;
      this.#wake();
    });
  }

  async #finish(id: string, settle: (failures: number) => Promise<'settled' | 'outage' | 'failure'>) {
    let failures = 0;
    const isSettled = await this.#insist(async () => {
      const outcome = await settle(failures);
      if (outcome === 'failure') failures++;
      return outcome === 'settled';
    });
    const acknowledge = () =>
      this.deps.group.acknowledge(id).then(
        () => true,
        () => false,
      );
    if (isSettled) await this.#insist(acknowledge);
    else await this.deps.group.release([id]).catch(() => undefined);
  }

  /** Tries until it is done, the first time in any case; false: it is not, and everything is over. */
  async #insist(isDone: () => Promise<boolean>): Promise<boolean> {
    if (await isDone()) return true;
    this.#troubled++;
    try {
      for (let tries = 0; !this.#closing.signal.aborted; tries++) {
        await pauseUnlessAborted(backoff(tries, REDIS_BACKOFF), this.#closing.signal);
        if (await isDone()) return true;
      }
      return false;
    } finally {
      this.#troubled--;
    }
  }

  /** From time to time: keeps what is held here, takes over what others have left, forgets who has gone. */
  async #lookAround(): Promise<void> {
    const { group, idleMs } = this.deps;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await pauseUnlessAborted((idleMs / 3) * (0.75 + Math.random() / 2), signal);
      if (signal.aborted) return;
      try {
        await group.keep([...this.#held.keys()]);
        await this.#takeOver();
        await group.forgetIdle(idleMs * FORGET_AFTER);
      } catch {
        // Redis is away, or the group is gone: whoever reads says so and creates it.
      }
    }
  }

  async #takeOver(): Promise<void> {
    const { group, idleMs } = this.deps;
    while (this.#mayRead) {
      const overdue = await group.overdue(idleMs, LOOKED_AT);
      for (const { id, deliveries } of overdue) {
        if (!this.#mayRead) return;
        if (!this.#held.has(id)) await this.#claim(id, deliveries, idleMs);
      }
      if (overdue.length < LOOKED_AT) return;
      await turn();
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
    const payload = typeof update === 'string' ? entryText(claimed) : update.toString();
    this.#hold(claimed, () =>
      processor.addDeadLetter(payload, `was delivered ${deliveries} times and never stored`),
    );
  }

  /** Fulfilled when an entry is through, or everything is over. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        before();
        this.#wake = () => undefined;
        resolve();
      };
    });
  }
}
