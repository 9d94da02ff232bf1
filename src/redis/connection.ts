import type { Redis } from 'ioredis';
import { Fault } from '../errors.js';
import { settledWithin } from '../within.js';

export interface ConnectionOptions<Session> {
  /** What every new connection begins with, before any other command. */
  readonly greet: (redis: Redis) => Promise<Session>;
  /** The connection is lost, or an attempt to connect was; the next one comes by itself. */
  readonly lost?: () => void;
  /** A sign of life is asked for this often: a connection that is cut without a word looks like a quiet one. */
  readonly heartbeatMs: number;
  /** What the connection is for, in the words of a warning. */
  readonly name: string;
  readonly warn: (message: string) => void;
}

/** How long commands that are under way are waited for when their connection is closed. */
const CLOSE_MS = 1_000;

/** A client with an answer to every command: what it brings back, or a `Fault`. Nothing waits for a server that is away. */
export class Connection<Session> {
  /** What the connection that stands now began with; undefined: none stands. */
  #session: Promise<Session> | undefined;
  #opening: Promise<Session> | undefined;
  #isAway = false;
  #closed = false;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(
    private readonly redis: Redis,
    private readonly options: ConnectionOptions<Session>,
  ) {
    redis.on('error', (error: Error) => this.#away(error));
    redis.on('ready', () => this.#greet());
    redis.on('close', () => {
      this.#session = undefined;
      if (this.#closed) return;
      this.#away(new Error('the connection was closed'));
      options.lost?.();
    });
    if (redis.status === 'ready') this.#greet();
    this.#heartbeat = setInterval(() => {
      if (this.isReady) redis.ping().catch(() => undefined);
    }, options.heartbeatMs).unref();
  }

  get isReady(): boolean {
    return this.redis.status === 'ready';
  }

  /** @throws Fault('unavailable') whatever the reason: the command may have been carried out, or not */
  async run<T>(command: (redis: Redis, session: Session) => Promise<T>): Promise<T> {
    try {
      if (this.#closed) throw new Error('the connection to Redis is closed');
      const session = await (this.#session ?? this.#open());
      return await command(this.redis, session);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    if (this.isReady) {
      // Answers come in the order of the commands: when this one is here, all are.
      await settledWithin(CLOSE_MS, this.redis.ping());
    }
    if (this.redis.status !== 'end') this.redis.disconnect();
  }

  /** The first attempt to connect is worth waiting for; later ones go on behind everybody's back. */
  #open(): Promise<Session> {
    const { redis } = this;
    if (this.#isAway || redis.status === 'end') throw new Error(`Redis is away (${redis.status})`);
    this.#opening ??= new Promise<Session>((resolve, reject) => {
      const ready = () => settle(() => resolve(this.#session ?? this.#open()));
      const lost = () => settle(() => reject(new Error('Redis cannot be reached')));
      const settle = (then: () => void) => {
        redis.off('ready', ready).off('close', lost);
        this.#opening = undefined;
        then();
      };
      redis.on('ready', ready).on('close', lost);
      if (redis.status === 'wait') redis.connect().catch(() => undefined);
    });
    return this.#opening;
  }

  #greet(): void {
    const session = this.options.greet(this.redis);
    this.#session = session;
    session.then(
      () => {
        if (this.#isAway) this.options.warn(`Redis is back (${this.options.name})`);
        this.#isAway = false;
      },
      (error: unknown) => {
        this.#away(error);
        // Half a greeting is no connection: another one has to begin from the start.
        if (this.#session === session && this.isReady) this.redis.disconnect(true);
      },
    );
  }

  /** Said once until Redis is back: a client that tries again and again has nothing new to say. */
  #away(error: unknown): void {
    if (this.#isAway || this.#closed) return;
    this.#isAway = true;
    this.options.warn(`Redis is away (${this.options.name}): ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Only the words of the client's error go on: the error itself holds the command, with the addresses in it. */
function unavailable(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('unavailable', undefined, { cause: new Error(messageOf(error)) });
}
