/** Takes in updates from Redis Pub/Sub: at most once on the wire, so what was missed or dropped is looked up. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { BatchId } from '../../domain/id.js';
import { batchIdIn } from '../../domain/message-ids.js';
import type { Logger } from '../../logger.js';
import { Connection, type RedisConnectionOptions } from '../../redis/connection.js';
import type { Refusal } from '../../refusal.js';
import type { Inlet } from '../inlet.js';
import { textOf } from '../update-reader.js';
import { ClaimQueue } from './claim-queue.js';
import type { MessageClaims } from './claims.js';
import type { LookUps } from './look-ups.js';
import type { MessageProcessor } from './message-processor.js';
import { RetryQueue } from './retry-queue.js';

interface PubSubDeps {
  readonly subscriber: Redis;
  readonly connection: Omit<RedisConnectionOptions<void>, 'onConnect' | 'onLost' | 'name'>;
  readonly claims: MessageClaims;
  readonly lookUps: Pick<LookUps, 'all' | 'soon'>;
  readonly processor: MessageProcessor;
  /** Bytes of messages that may wait here. Beyond it messages are dropped, and their batches looked up instead. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

/** The channel that the validator publishes on; it has no prefix. */
export const CHANNEL = 'email_validation_results';

/** Messages that are claimed in one step: they are hashed within one turn of the event loop. */
const CLAIM_BYTES = 2 ** 20;
const CLAIM_MESSAGES = 64;
/** What a waiting message takes beside its bytes: a flood of empty ones has a bound, too. */
const OVERHEAD_BYTES = 1_024;
/** Producers write the batch id ahead of the results. */
const ID_WITHIN_BYTES = 2_048;

export class PubSubInlet implements Inlet {
  readonly #subscriber: Connection<void>;
  #isSubscribed = false;
  /** Messages of which no claim was tried yet, in the order of their arrival. */
  #unclaimed: Buffer[] = [];
  readonly #claims: ClaimQueue;
  readonly #claimed: RetryQueue;
  /** Of all messages, claimed or not, with what each takes beside them. */
  #bytes = 0;
  #isDropping = false;
  #claiming: Promise<void> | undefined;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(private readonly deps: PubSubDeps) {
    this.#claimed = new RetryQueue(deps.processor, this.#closing.signal, (bytes) => {
      this.#bytes -= bytes + OVERHEAD_BYTES;
    });
    this.#claims = new ClaimQueue({
      claims: deps.claims,
      closing: this.#closing.signal,
      onClaimed: (message) => this.#claimed.take(message),
      onNotTaken: (message, outcome) => {
        deps.processor.count(outcome);
        this.#bytes -= message.byteLength + OVERHEAD_BYTES;
      },
    });
    deps.subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => this.#receive(message));
    this.#subscriber = new Connection(deps.subscriber, {
      ...deps.connection,
      name: 'updates',
      onConnect: async (redis) => {
        await redis.subscribe(CHANNEL);
        this.#isSubscribed = true;
        // This gateway has missed every message that was published until now.
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

  get awayBecause(): Refusal | undefined {
    return this.#subscriber.awayBecause;
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
    await this.#claims.idle();
    const unstored = await this.#claimed.idle();
    // A look-up finds them again. Messages that were not claimed are left to other gateways.
    if (unstored > 0)
      this.deps.logger.warn(
        { messages: unstored },
        'the Pub/Sub inlet closed with messages that could not be stored; their batches have to be looked up',
      );
  }

  /** Called while the client reads from its socket. It has to be fast, or Redis has to buffer the messages. */
  #receive(message: Buffer): void {
    // A single message is always accepted, or one above the limit could never be stored.
    const bytes = message.byteLength + OVERHEAD_BYTES;
    if (this.#bytes > 0 && this.#bytes + bytes > this.deps.maxBytes) {
      this.#drop(message);
      return;
    }
    this.#isDropping = false;
    this.#bytes += bytes;
    this.#unclaimed.push(message);
    this.#claiming ??= this.#claimAll().finally(() => {
      this.#claiming = undefined;
    });
  }

  #drop(message: Buffer): void {
    const { lookUps, processor, logger } = this.deps;
    processor.count('overflow');
    const batchId = probableBatchId(message);
    if (batchId === null) lookUps.all();
    else lookUps.soon(batchId);
    if (!this.#isDropping)
      logger.warn('the Pub/Sub inlet is full: it drops messages and looks their batches up later');
    this.#isDropping = true;
  }

  async #claimAll(): Promise<void> {
    await nextTurn();
    while (this.#unclaimed.length > 0) await this.#claims.claim(this.#nextMessages());
  }

  #nextMessages(): Buffer[] {
    let bytes = 0;
    const end = this.#unclaimed.findIndex(({ byteLength }, index) => {
      bytes += byteLength;
      return index > 0 && (index === CLAIM_MESSAGES || bytes > CLAIM_BYTES);
    });
    return this.#unclaimed.splice(0, end === -1 ? this.#unclaimed.length : end);
  }
}

/** The batch of a message, found without parsing it and good enough for a look-up; null: none is found. */
const probableBatchId = (message: Buffer): BatchId | null =>
  batchIdIn(textOf(message.subarray(0, ID_WITHIN_BYTES)));
