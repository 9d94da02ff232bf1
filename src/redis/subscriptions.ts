/** Lasting subscriptions to channels: a lost one is made again by itself. Here they are made on one connection. */

import type { Redis } from 'ioredis';
import { Fault } from '../errors.js';
import { portions } from '../portions.js';
import type { Refusal } from '../refusal.js';
import { Connection } from './connection.js';

/** What a user of subscriptions hears. */
export interface SubscriptionEvents {
  message(channel: string, text: string): void;
  /** No message of these channels comes until `subscribed` names them. */
  lost(channels: readonly string[]): void;
  /** Their messages come again; those that were published meanwhile were missed. */
  subscribed(channels: readonly string[]): void;
}

export interface Subscriptions {
  /** Fulfilled once messages come. @throws Fault('unavailable'); then the channel is not subscribed to */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): void;
  /** Whether messages of the channel come now, as far as is known. */
  isLive(channel: string): boolean;
  /** Why no message of any channel comes; undefined: those of some do. */
  readonly awayBecause: Refusal | undefined;
  /** Names the server that has the channel: two channels with the same name here share its troubles. */
  shardOf(channel: string): string;
  /** Calling it twice is a no-op. */
  close(): Promise<void>;
}

/** The commands of one kind of Pub/Sub. */
export interface SubscribeCommands {
  readonly messageEvents: readonly ('message' | 'smessage')[];
  /** Returns the channels that this server has; the others belong to another one. */
  subscribe(redis: Redis, channels: readonly string[]): Promise<readonly string[]>;
  unsubscribe(redis: Redis, channel: string): Promise<unknown>;
}

export interface SubscriptionOptions {
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
}

const CHANNELS_PER_COMMAND = 500;

const ORDINARY: SubscribeCommands = {
  messageEvents: ['message'],
  subscribe: async (redis, channels) => {
    await redis.subscribe(...channels);
    return channels;
  },
  unsubscribe: (redis, channel) => redis.unsubscribe(channel),
};

export class ConnectionSubscriptions implements Subscriptions {
  readonly #channels = new Set<string>();
  /** Those of them that the server has confirmed on this connection. */
  readonly #made = new Set<string>();
  readonly #connection: Connection<void>;

  constructor(
    redis: Redis,
    private readonly events: SubscriptionEvents,
    { timeoutMs, warn }: SubscriptionOptions,
    private readonly commands: SubscribeCommands = ORDINARY,
  ) {
    for (const event of commands.messageEvents)
      redis.on(event, (channel: string, text: string) => events.message(channel, text));
    this.#connection = new Connection(redis, {
      onConnect: (connected) => this.#resubscribe(connected),
      onLost: () => {
        this.#made.clear();
        events.lost([...this.#channels]);
      },
      heartbeatMs: timeoutMs,
      name: 'subscriptions',
      warn,
    });
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  get awayBecause(): Refusal | undefined {
    return this.#connection.awayBecause;
  }

  get isUsed(): boolean {
    return this.#channels.size > 0;
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  async subscribe(channel: string): Promise<void> {
    this.#channels.add(channel);
    try {
      const made = await this.#connection.run((redis) => this.commands.subscribe(redis, [channel]));
      if (made.length === 0) throw movedAway();
      this.#confirm(channel);
    } catch (error) {
      this.unsubscribe(channel);
      throw error;
    }
  }

  unsubscribe(channel: string): void {
    this.#made.delete(channel);
    // Without a connection there is no subscription to end.
    if (!this.#channels.delete(channel) || !this.isReady) return;
    this.#connection.run((redis) => this.commands.unsubscribe(redis, channel)).catch(() => undefined);
  }

  /** One that was unsubscribed meanwhile is not. */
  #confirm(channel: string): void {
    if (this.has(channel)) this.#made.add(channel);
  }

  /** Gives up the channels that the server has ended by itself: of those it does not say which. */
  dropEnded(isSubscribed: (channel: string) => boolean): void {
    for (const channel of this.#made) {
      if (isSubscribed(channel)) continue;
      this.#made.delete(channel);
      this.#channels.delete(channel);
    }
  }

  isLive(channel: string): boolean {
    return this.isReady && this.#made.has(channel);
  }

  shardOf(): string {
    return '';
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** A new connection has no subscriptions. */
  async #resubscribe(redis: Redis): Promise<void> {
    for (const portion of portions([...this.#channels], CHANNELS_PER_COMMAND)) {
      // A channel that was unsubscribed during the loop would stay subscribed to for ever.
      const wanted = portion.filter((channel) => this.has(channel));
      if (wanted.length === 0) continue;
      const made = new Set(await this.commands.subscribe(redis, wanted));
      for (const channel of wanted)
        made.has(channel) ? this.#confirm(channel) : this.#channels.delete(channel);
      this.events.subscribed([...made]);
    }
  }
}

const movedAway = (): Fault =>
  new Fault('unavailable', undefined, { refusal: { reason: 'refused', code: 'MOVED' } });
