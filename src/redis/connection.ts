/** A connection to Redis that is set up on every connect and fails its commands at once while Redis is away. */

import type { Redis } from 'ioredis';
import { Fault } from '../errors.js';
import type { Refusal } from '../refusal.js';
import { backoff, settledWithin } from '../waiting.js';
import { REDIS_BACKOFF } from './client.js';
import { refusalOf } from './refusals.js';

/** `Setup` is the result of `onConnect`; each command on that connection gets it. */
export interface RedisConnectionOptions<Setup> {
  /** Runs on every new connection before any other command; where it fails, the client reconnects. */
  readonly onConnect: (redis: Redis) => Promise<Setup>;
  /** The connection was closed, or an attempt to connect has failed; the client reconnects by itself. */
  readonly onLost?: () => void;
  /** A PING is sent this often: a connection that was cut silently looks like an idle one. */
  readonly heartbeatMs: number;
  /** The purpose of the connection, as warnings name it. */
  readonly name: string;
  readonly warn: (message: string) => void;
}

/** How long `close` waits for commands that are under way. */
const CLOSE_MS = 1_000;

/** The pause before a client that has given up is connected again. */
const AGAIN_MS = 100;

/** Each command ends with its result or with a `Fault`; none waits for a server that is known to be unreachable. */
export class Connection<Setup> {
  /** Of the current connection; undefined while there is none. */
  #setup: Promise<Setup> | undefined;
  #opening: Promise<Setup> | undefined;
  /** Why the connection is away; undefined: it is not. */
  #awayBecause: Refusal | undefined;
  /** One after the other, since a connection was last set up. */
  #failedSetUps = 0;
  #closed = false;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(
    private readonly redis: Redis,
    private readonly options: RedisConnectionOptions<Setup>,
  ) {
    redis.on('error', (error: Error) => this.#reportAway(error));
    redis.on('ready', () => this.#setUp());
    redis.on('close', () => {
      this.#setup = undefined;
      if (this.#closed) return;
      this.#reportAway(new Error('the connection was closed'));
      options.onLost?.();
    });
    redis.on('end', () => this.#connectAgain());
    if (redis.status === 'ready') this.#setUp();
    this.#heartbeat = setInterval(() => {
      if (this.isReady) redis.ping().catch(() => undefined);
    }, options.heartbeatMs).unref();
  }

  /** The connection was lost, or could not be made, and is not back yet. One that was never used is not away. */
  get isAway(): boolean {
    return this.#awayBecause !== undefined;
  }

  /** Why it is away; undefined: it is not. */
  get awayBecause(): Refusal | undefined {
    return this.#awayBecause;
  }

  get isReady(): boolean {
    return this.redis.status === 'ready';
  }

  /** @throws Fault('unavailable') for every reason; the command may have been carried out, or not */
  async run<T>(command: (redis: Redis, setup: Setup) => Promise<T>): Promise<T> {
    try {
      if (this.#closed) throw new Error('the connection to Redis is closed');
      const setup = await (this.#setup ?? this.#open());
      return await command(this.redis, setup);
    } catch (error) {
      throw unavailable(error, this.#awayBecause);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    if (this.isReady) {
      // Redis answers in the order of the commands: after this answer, none is missing.
      await settledWithin(CLOSE_MS, this.redis.ping());
    }
    if (this.redis.status !== 'end') this.redis.disconnect();
  }

  /** Commands wait for the first attempt to connect. Later attempts go on in the background, and commands fail meanwhile. */
  #open(): Promise<Setup> {
    const { redis } = this;
    if (this.isAway || redis.status === 'end') throw new Error(`Redis is away (${redis.status})`);
    this.#opening ??= new Promise<Setup>((resolve, reject) => {
      const ready = () => settle(() => resolve(this.#setup ?? this.#open()));
      const lost = () => settle(() => reject(new Error('Redis cannot be reached')));
      const settle = (then: () => void) => {
        redis.off('ready', ready).off('close', lost).off('error', lost);
        this.#opening = undefined;
        then();
      };
      // While no sentinel answers, the client reports errors and closes nothing.
      redis.on('ready', ready).on('close', lost).on('error', lost);
      if (redis.status === 'wait') redis.connect().catch(() => undefined);
    });
    return this.#opening;
  }

  /**
   * The client gives up for good where a failover is announced while it asks the sentinels for the primary: it takes its
   * own reaction for that of its owner.
   */
  #connectAgain(): void {
    setTimeout(() => {
      if (!this.#closed && this.redis.status === 'end') this.redis.connect().catch(() => undefined);
    }, AGAIN_MS).unref();
  }

  #setUp(): void {
    const setup = this.#prepare();
    this.#setup = setup;
    setup.then(
      () => {
        if (this.isAway) this.options.warn(`Redis is back (${this.options.name})`);
        this.#awayBecause = undefined;
        this.#failedSetUps = 0;
      },
      (error: unknown) => {
        this.#reportAway(error);
        // A connection that is half set up is of no use: the next one starts from the beginning. The client itself would
        // make it at once, for ever.
        setTimeout(
          () => {
            if (this.#setup === setup && this.isReady && !this.#closed) this.redis.disconnect(true);
          },
          backoff(this.#failedSetUps++, REDIS_BACKOFF),
        ).unref();
      },
    );
  }

  /**
   * The client selects the database as well, but passes over a refusal: it would go on in database 0, among keys of another
   * installation.
   */
  async #prepare(): Promise<Setup> {
    const db = this.redis.options.db ?? 0;
    if (db > 0) await this.redis.select(db);
    return this.options.onConnect(this.redis);
  }

  /** Warns once until Redis is back, however many attempts to connect fail meanwhile. */
  #reportAway(error: unknown): void {
    if (this.#closed) return;
    const refusal = refusalOf(error);
    const isKnown = this.isAway;
    // A closed connection follows every other error, and says less.
    if (this.#awayBecause === undefined || refusal.code !== 'CLOSED') this.#awayBecause = refusal;
    // Not the message of a reply: Redis repeats arguments in some of them.
    if (!isKnown) this.options.warn(`Redis is away (${this.options.name}): ${refusal.code}`);
  }
}

/** @throws Fault with the refusal of the first connection that is away */
export function requireConnected(
  connections: readonly { readonly awayBecause: Refusal | undefined }[],
): void {
  const refusal = connections.map(({ awayBecause }) => awayBecause).find((found) => found !== undefined);
  if (refusal !== undefined) throw new Fault('unavailable', undefined, { refusal });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Only the message of the client's error is kept: the error itself holds the command, and addresses with it. */
function unavailable(error: unknown, away: Refusal | undefined): Fault {
  if (error instanceof Fault) return error;
  const refusal = refusalOf(error);
  // Without a connection the client only says that there is none.
  const isKnown = refusal.code !== 'CLOSED' || away === undefined;
  return new Fault('unavailable', undefined, {
    refusal: isKnown ? refusal : away,
    cause: new Error(messageOf(error)),
  });
}
