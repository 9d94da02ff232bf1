/**
 * Subscriptions to sharded channels of a cluster, one connection to each primary that has some: a message goes to the nodes
 * of one shard, not to all.
 *
 * A channel moves with its slot. The old owner then ends the subscription, or is gone; in between messages are missed, so
 * each channel is reported as lost before it is subscribed to at its new owner, and as subscribed afterwards.
 */

import { setMaxListeners } from 'node:events';
import type { Redis } from 'ioredis';
import { Fault } from '../errors.js';
import type { Refusal } from '../refusal.js';
import { backoff, pauseUnlessAborted } from '../waiting.js';
import type { HostPort } from './address.js';
import { isMoved, isSubscribedOn, SHARDED } from './sharded-commands.js';
import type { NodeName, SlotOwners } from './slot-owners.js';
import {
  ConnectionSubscriptions,
  type SubscriptionEvents,
  type SubscriptionOptions,
  type Subscriptions,
} from './subscriptions.js';

interface ShardedOptions extends SubscriptionOptions {
  readonly connectTo: (node: HostPort) => Redis;
  /** `preferred`: the node that knows best, if it answers. @throws Fault('unavailable') */
  readonly slotOwners: (preferred?: NodeName) => Promise<SlotOwners>;
}

/** How often a new subscription follows its slot before it fails. */
const ATTEMPTS = 3;
/** Nodes learn of a change one after the other: the owners are asked for until they stay the same for so many times. */
const QUIET_ROUNDS = 3;
const BETWEEN_ROUNDS = { firstMs: 100, maxMs: 1_000 };

export class ShardedSubscriptions implements Subscriptions {
  #owners: SlotOwners | undefined;
  readonly #shards = new Map<NodeName, ConnectionSubscriptions>();
  /** Where each wanted channel is subscribed to, or is to be. */
  readonly #nodes = new Map<string, NodeName>();
  readonly #lost = new Set<string>();
  readonly #closing = new AbortController();
  #settling: Promise<void> | undefined;
  /** Rounds in which no channel had to move. */
  #quietRounds = 0;
  /** The node that has told of a change. */
  #informant: NodeName | undefined;

  constructor(
    private readonly events: SubscriptionEvents,
    private readonly options: ShardedOptions,
  ) {
    setMaxListeners(0, this.#closing.signal);
  }

  async subscribe(channel: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const owner = await this.#ownerOf(channel, attempt > 1);
      this.#nodes.set(channel, owner);
      try {
        return await this.#shard(owner).subscribe(channel);
      } catch (error) {
        if (isMoved(error) && attempt < ATTEMPTS) continue;
        this.unsubscribe(channel);
        throw error;
      }
    }
  }

  unsubscribe(channel: string): void {
    const node = this.#nodes.get(channel);
    this.#nodes.delete(channel);
    this.#lost.delete(channel);
    if (node !== undefined) this.#shards.get(node)?.unsubscribe(channel);
  }

  isLive(channel: string): boolean {
    const node = this.#nodes.get(channel);
    return node !== undefined && this.#shards.get(node)?.isLive(channel) === true;
  }

  get awayBecause(): Refusal | undefined {
    const reasons = [...this.#shards.values()].map(({ awayBecause }) => awayBecause);
    return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined;
  }

  shardOf(channel: string): string {
    return this.#nodes.get(channel) ?? this.#owners?.ownerOf(channel) ?? '';
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#shards.values()].map((shard) => shard.close()));
  }

  async #ownerOf(channel: string, isAskedAgain: boolean): Promise<NodeName> {
    if (isAskedAgain || this.#owners === undefined) this.#owners = await this.options.slotOwners();
    const owner = this.#owners.ownerOf(channel);
    if (owner !== undefined) return owner;
    throw new Fault('unavailable', undefined, { refusal: { reason: 'refused', code: 'CLUSTERDOWN' } });
  }

  #shard(node: NodeName): ConnectionSubscriptions {
    const known = this.#shards.get(node);
    if (known !== undefined) return known;
    if (this.#closing.signal.aborted) throw new Fault('unavailable');
    const redis = this.options.connectTo(this.#owners?.nodes.get(node) ?? hostPortOf(node));
    const shard = new ConnectionSubscriptions(redis, this.#eventsOf(node), this.options, SHARDED);
    // The client's event: the node has ended a subscription, or has refused one, because the slot is another node's.
    redis.on('moved', () => {
      // The slot may be back by the time that the owners are asked, and its subscriptions are not.
      shard.dropEnded(isSubscribedOn(redis));
      this.#settle(node);
    });
    this.#shards.set(node, shard);
    return shard;
  }

  #eventsOf(node: NodeName): SubscriptionEvents {
    return {
      message: (channel, text) => this.events.message(channel, text),
      lost: (channels) => {
        this.#reportLost(channels);
        this.#settle(node);
      },
      subscribed: (channels) => this.#reportSubscribed(channels, node),
    };
  }

  #reportLost(channels: readonly string[]): void {
    for (const channel of channels) this.#lost.add(channel);
    this.events.lost(channels);
  }

  /**
   * Once for each loss, by the node that has the channel now: what was missed is read then, and not again for one that has
   * moved on meanwhile.
   */
  #reportSubscribed(channels: readonly string[], by: NodeName): void {
    const back = channels.filter((channel) => this.#nodes.get(channel) === by && this.#lost.delete(channel));
    if (back.length > 0) this.events.subscribed(back);
  }

  /** Lets every channel follow its slot, until all of them are where they belong. */
  #settle(informant: NodeName): void {
    this.#informant = informant;
    this.#quietRounds = 0;
    this.#settling ??= this.#moveUntilQuiet().finally(() => {
      this.#settling = undefined;
      if (this.#mustSettle) this.#settle(informant);
    });
  }

  async #moveUntilQuiet(): Promise<void> {
    while (this.#mustSettle) {
      const moved = await this.#moveAll().catch(() => null);
      this.#quietRounds = moved === 0 ? this.#quietRounds + 1 : 0;
      await pauseUnlessAborted(backoff(this.#quietRounds, BETWEEN_ROUNDS), this.#closing.signal);
    }
  }

  get #mustSettle(): boolean {
    if (this.#closing.signal.aborted) return false;
    const isLost = ({ isUsed, isReady }: ConnectionSubscriptions) => isUsed && !isReady;
    return this.#quietRounds < QUIET_ROUNDS || [...this.#shards.values()].some(isLost);
  }

  /** Returns how many channels were not where they belong. */
  async #moveAll(): Promise<number> {
    const informant = this.#informant;
    this.#informant = undefined;
    const owners = await this.options.slotOwners(informant);
    this.#owners = owners;
    const astray = [...this.#nodes].flatMap(([channel, node]): [string, NodeName, NodeName][] => {
      const owner = owners.ownerOf(channel);
      if (owner === undefined || (owner === node && this.#shards.get(node)?.has(channel))) return [];
      return [[channel, node, owner]];
    });
    this.#reportLost(astray.map(([channel]) => channel));
    for (const [channel, node, owner] of astray) this.#move(channel, node, owner);
    for (const [node, shard] of this.#shards) {
      if (shard.isUsed || owners.nodes.has(node)) continue;
      this.#shards.delete(node);
      void shard.close();
    }
    return astray.length;
  }

  /** What fails here is found astray in the next round. */
  #move(channel: string, from: NodeName, to: NodeName): void {
    if (from !== to) this.#shards.get(from)?.unsubscribe(channel);
    this.#nodes.set(channel, to);
    this.#shard(to)
      .subscribe(channel)
      .then(
        () => this.#reportSubscribed([channel], to),
        () => {
          if (this.#nodes.has(channel)) this.#settle(to);
        },
      );
  }
}

function hostPortOf(node: NodeName): HostPort {
  const colon = node.lastIndexOf(':');
  return { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
}
