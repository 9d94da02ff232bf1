/** Which primary of a cluster has which slot, as `CLUSTER SLOTS` tells. */

import calculateSlot from 'cluster-key-slot';
import type { Cluster, Redis } from 'ioredis';
import type { HostPort } from './address.js';
import { askAnyNode } from './client.js';

type Range = readonly [first: number, last: number, primary: readonly [host: string | null, port: number]];

/** Of 16,384. */
const SLOTS_IN_RANGE = 2_048;

/** One of eight ranges of slots, named. Primaries usually have whole ranges, so most of them have one owner. */
export const slotRangeOf = (key: string): string => String(Math.floor(calculateSlot(key) / SLOTS_IN_RANGE));

/** `host:port`. */
export type NodeName = string;

const nameOf = ({ host, port }: HostPort): NodeName => `${host}:${port}`;

export class SlotOwners {
  readonly #ranges: readonly { readonly first: number; readonly last: number; readonly owner: NodeName }[];
  readonly nodes: ReadonlyMap<NodeName, HostPort>;

  /** `asked`: the host of the node that has answered; it may leave its own out. */
  constructor(ranges: readonly Range[], asked: string) {
    const nodes = new Map<NodeName, HostPort>();
    this.#ranges = ranges.map(([first, last, [host, port]]) => {
      const node = { host: host || asked, port };
      nodes.set(nameOf(node), node);
      return { first, last, owner: nameOf(node) };
    });
    this.nodes = nodes;
  }

  /** The node that has the slot of a key or of a sharded channel; undefined: none has it. */
  ownerOf(key: string): NodeName | undefined {
    const slot = calculateSlot(key);
    return this.#ranges.find(({ first, last }) => first <= slot && slot <= last)?.owner;
  }
}

/**
 * Asks the preferred node, which has just told of a change, or else whichever node answers first: while one hangs, the others
 * know. @throws where no node answers
 */
export async function askSlotOwners(redis: Redis, preferred?: NodeName): Promise<SlotOwners> {
  const nodes = (redis as unknown as Cluster).nodes('all');
  const ask = async (node: Redis) => {
    const ranges = (await node.call('cluster', 'slots')) as Range[];
    return new SlotOwners(ranges, node.options.host ?? '');
  };
  const hostPort = ({ options: { host = '', port = 0 } }: Redis) => nameOf({ host, port });
  const first = nodes.find((node) => hostPort(node) === preferred);
  const answer = first === undefined ? null : await ask(first).catch(() => null);
  return answer ?? askAnyNode(redis, ask);
}
