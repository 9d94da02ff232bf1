/** The Redis client that Socket.IO's adapter is given: one that never throws, and that hands on only well-formed messages. */

import type { Redis } from 'ioredis';
import { askEachNode, type Purpose } from '../redis/client.js';
import { Connection, requireConnected } from '../redis/connection.js';
import { type NeededRight, requireRights } from '../redis/rights.js';
import type { MessageFilter } from './message-filters.js';

interface AdapterBusOptions {
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
}

type Handler = (...args: unknown[]) => unknown;
type Callback = (error: Error | null, answer?: [channel: string, subscribers: number]) => void;

/**
 * The adapter ignores the promises of its client, and throws at messages that it cannot read: either would end the process.
 * So it gets this object, with the methods of a client that the adapter calls.
 */
export class AdapterBus {
  readonly #commands: Connection<void>;
  readonly #subscriber: Connection<void>;
  readonly #channels = new Set<string>();
  readonly #patterns = new Set<string>();
  readonly #handlers = new Map<string, Handler>();
  #isWellFormed: MessageFilter = () => false;
  #hasWarned = false;

  constructor(
    connect: (name: string, purpose?: Purpose) => Redis,
    private readonly options: AdapterBusOptions,
  ) {
    const subscriber = connect('verigate-adapter-subscriber', 'subscriber');
    subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) =>
      this.#receive('messageBuffer', channel, message),
    );
    subscriber.on('pmessageBuffer', (pattern: Buffer, channel: Buffer, message: Buffer) =>
      this.#receive('pmessageBuffer', channel, message, pattern),
    );
    const common = { heartbeatMs: options.timeoutMs, warn: options.warn };
    this.#subscriber = new Connection(subscriber, {
      ...common,
      name: 'socket adapter, subscriptions',
      onConnect: (redis) => this.#subscribeAll(redis),
    });
    this.#commands = new Connection(connect('verigate-adapter'), {
      ...common,
      name: 'socket adapter',
      onConnect: async () => undefined,
    });
  }

  /** All other messages are ignored. */
  filter(isWellFormed: MessageFilter): void {
    this.#isWellFormed = isWellFormed;
  }

  /** @throws Fault with the refusal */
  async probe(rights: readonly NeededRight[]): Promise<void> {
    await this.#commands.run((redis) => requireRights(redis, rights));
    requireConnected([this.#subscriber]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#subscriber.close(), this.#commands.close()]);
  }

  on(event: string, handler: Handler): void {
    this.#handlers.set(event, handler);
  }

  off(event: string): void {
    this.#handlers.delete(event);
  }

  subscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.add(channel);
    this.#run(this.#subscriber, (redis) => redis.subscribe(...channels));
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
    if (this.#subscriber.isReady) this.#run(this.#subscriber, (redis) => redis.unsubscribe(...channels));
  }

  psubscribe(pattern: string): void {
    this.#patterns.add(pattern);
    this.#run(this.#subscriber, (redis) => redis.psubscribe(pattern));
  }

  punsubscribe(pattern: string): void {
    this.#patterns.delete(pattern);
    if (this.#subscriber.isReady) this.#run(this.#subscriber, (redis) => redis.punsubscribe(pattern));
  }

  /** A message that cannot be sent is lost, like any message of the adapter that comes while a gateway is away. */
  publish(channel: string, message: string | Buffer): void {
    this.#run(this.#commands, (redis) => redis.publish(channel, message));
  }

  /** `PUBSUB NUMSUB`, the one command that the adapter sends. Without Redis there is no gateway but this one. */
  send_command(name: string, args: readonly string[], callback: Callback): void {
    const channel = args[1] ?? '';
    const countAt = async (node: Redis) => Number(((await node.call(name, ...args)) as [string, number])[1]);
    this.#commands
      .run((redis) => askEachNode(redis, countAt))
      .then(
        (counts) => callback(null, [channel, counts.reduce((sum, count) => sum + count, 0)]),
        () => callback(null, [channel, 1]),
      );
  }

  /** A new connection has no subscriptions. */
  async #subscribeAll(redis: Redis): Promise<void> {
    if (this.#channels.size > 0) await redis.subscribe(...this.#channels);
    if (this.#patterns.size > 0) await redis.psubscribe(...this.#patterns);
  }

  /** A failure was logged by the connection, and is made good by the next one. */
  #run(connection: Connection<void>, command: (redis: Redis) => Promise<unknown>): void {
    connection.run(command).catch(() => undefined);
  }

  #receive(event: string, channel: Buffer, message: Buffer, pattern?: Buffer): void {
    this.#handOn(event, channel, message, pattern).catch(() => this.#warn(channel));
  }

  async #handOn(event: string, channel: Buffer, message: Buffer, pattern?: Buffer): Promise<void> {
    if (!this.#isWellFormed(channel.toString(), message)) return this.#warn(channel);
    const args = pattern === undefined ? [channel, message] : [pattern, channel, message];
    await this.#handlers.get(event)?.(...args);
  }

  /** Once: what writes such messages may write many. */
  #warn(channel: Buffer): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const name = channel.toString().split('#')[0];
    this.options.warn(
      `messages that are none of Socket.IO's come on the channels ${name}#…, and are ignored`,
    );
  }
}
