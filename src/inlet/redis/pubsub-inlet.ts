import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { backoff, pauseUnlessAborted } from '../../backoff.js';
import type { Logger } from '../../logger.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { Connection, type ConnectionOptions } from '../../redis/connection.js';
import type { Inlet } from '../inlet.js';
import { batchHint } from './batch-hint.js';
import type { Claims } from './claims.js';
import type { LookUps } from './look-ups.js';
import type { MessageProcessor } from './message-processor.js';
import { CHANNEL } from './redis-names.js';
import { RetryQueue } from './retry-queue.js';

export interface PubSubDeps {
  readonly subscriber: Redis;
  readonly connection: Omit<ConnectionOptions<void>, 'onConnect' | 'onLost' | 'name'>;
  readonly claims: Claims;
  readonly lookUps: Pick<LookUps, 'all' | 'remember'>;
  readonly processor: MessageProcessor;
  /** Bytes of messages that may wait here; beyond it they are dropped, and their batches looked up instead. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

/** Claimed in one go, at most: hashing them is all that happens between two turns of the event loop. */
const CLAIM_BYTES = 2 ** 20;
const CLAIM_MESSAGES = 64;

/** Redis Pub/Sub: at most once on the wire; whatever was missed or dropped is looked up where the validator keeps it. */
export class PubSubInlet implements Inlet {
  readonly #subscriber: Connection<void>;
  #isSubscribed = false;
  /** Messages that are not claimed yet, in the order they came. */
  #queue: Buffer[] = [];
  readonly #storing: RetryQueue;
  /** Bytes of all that is in here, be it in the queue or being stored. */
  #bytes = 0;
  #overflowing = false;
  #claiming: Promise<void> | undefined;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(private readonly deps: PubSubDeps) {
    this.#storing = new RetryQueue(deps.processor, this.#closing.signal, (bytes) => {
      this.#bytes -= bytes;
    });
    deps.subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => this.#receive(message));
    this.#subscriber = new Connection(deps.subscriber, {
      ...deps.connection,
      name: 'updates',
      onConnect: async (redis) => {
        await redis.subscribe(CHANNEL);
        this.#isSubscribed = true;
        // What was published until now has been heard by nobody here.
        deps.lookUps.all();
      },
      onLost: () => {
        this.#isSubscribed = false;
      },
    });
  }

  start(): void {
    this.#subscriber.run(async () => undefined).catch(() => undefined);
  }

  problems(): string[] {
    return this.#isSubscribed ? [] : ['redis'];
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isSubscribed = false;
    this.deps.subscriber.removeAllListeners('messageBuffer');
    this.#closing.abort();
    await this.#subscriber.close();
    await this.#claiming;
    const lost = await this.#storing.idle();
    // They are found again by a look-up. Those that were not claimed are for other gateways.
    if (lost > 0) this.deps.logger.warn({ messages: lost }, 'closed with messages that could not be stored');
  }

  /** Called by the client while it reads from its socket: the less happens here, the less a flood can pile up in Redis. */
  #receive(message: Buffer): void {
    // A lone message always fits, or a large one could never be dealt with.
    if (this.#bytes > 0 && this.#bytes + message.byteLength > this.deps.maxBytes) {
      this.#drop(message);
      return;
    }
    this.#overflowing = false;
    this.#bytes += message.byteLength;
    this.#queue.push(message);
    this.#claiming ??= this.#claimAll().finally(() => {
      this.#claiming = undefined;
    });
  }

  #drop(message: Buffer): void {
    const { lookUps, processor, logger } = this.deps;
    processor.count('overflow');
    const batchId = batchHint(message);
    if (batchId === null) lookUps.all();
    else lookUps.remember(batchId);
    if (!this.#overflowing) logger.warn('too many messages wait: some are dropped, and looked up later');
    this.#overflowing = true;
  }

  async #claimAll(): Promise<void> {
    await turn();
    while (this.#queue.length > 0) {
      const messages = this.#nextInLine();
      const isOurs = await this.#claim(messages);
      for (const [index, message] of messages.entries()) {
        if (isOurs?.[index] === true) {
          this.#storing.take(message);
          // Reading one may take half a millisecond: in between others have their turn.
          await turn();
          continue;
        }
        this.deps.processor.count(isOurs === null ? 'abandoned' : 'skipped');
        this.#bytes -= message.byteLength;
      }
    }
  }

  #nextInLine(): Buffer[] {
    let bytes = 0;
    const past = this.#queue.findIndex(({ byteLength }, index) => {
      bytes += byteLength;
      return index > 0 && (index === CLAIM_MESSAGES || bytes > CLAIM_BYTES);
    });
    return this.#queue.splice(0, past === -1 ? this.#queue.length : past);
  }

  /** Null: nobody could say before everything was over. */
  async #claim(messages: readonly Buffer[]): Promise<boolean[] | null> {
    const names = messages.map((message) => this.deps.claims.nameOf(message));
    for (let failures = 0; ; failures++) {
      try {
        return await this.deps.claims.claim(names, failures > 0);
      } catch {
        if (this.#closing.signal.aborted) return null;
        await pauseUnlessAborted(backoff(failures, REDIS_BACKOFF), this.#closing.signal);
      }
    }
  }
}
