/** Opens the subscriptions that suit the server: a cluster's channels are sharded, those of a single Redis are not. */
import type { Redis } from 'ioredis';
import { connector, isCluster, nodeConnector, type RedisSource } from './client.js';
import type { Connection } from './connection.js';
import { ShardedSubscriptions } from './sharded-subscriptions.js';
import { askSlotOwners } from './slot-owners.js';
import {
  ConnectionSubscriptions,
  type SubscriptionEvents,
  type SubscriptionOptions,
  type Subscriptions,
} from './subscriptions.js';

/** `commands` asks a cluster for its nodes. */
export function openSubscriptions(
  source: RedisSource,
  name: string,
  commands: Connection<unknown>,
  events: SubscriptionEvents,
  options: SubscriptionOptions,
): Subscriptions {
  const { timeoutMs } = options;
  if (!isCluster(source))
    return new ConnectionSubscriptions(connector(source, timeoutMs)(name, 'subscriber'), events, options);
  const connect = nodeConnector(source, timeoutMs);
  return new ShardedSubscriptions(events, {
    ...options,
    connectTo: (node): Redis => connect(name, node),
    slotOwners: (preferred) => commands.run((cluster) => askSlotOwners(cluster, preferred)),
  });
}
