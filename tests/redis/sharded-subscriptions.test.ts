import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { nodeConnector } from '../../src/redis/client.js';
import { ShardedSubscriptions } from '../../src/redis/sharded-subscriptions.js';
import { SlotOwners } from '../../src/redis/slot-owners.js';
import { eventually } from '../support/eventually.js';
import { onTeardown } from '../support/teardown.js';

const CHANNEL = 'a channel';
const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const told = (kind: string, count: number): string => `*3\r\n${bulk(kind)}${bulk(CHANNEL)}:${count}\r\n`;

/** A node that ends the next subscriptions at once, as Redis may while slots move: both answers then come in one packet. */
class FakeNode {
  hasSubscriber = false;
  #socket: Socket | undefined;
  #toEnd = 0;
  readonly #server = createServer((socket) => this.#accept(socket));

  static async start(): Promise<FakeNode> {
    const node = new FakeNode();
    node.#server.listen(0, '127.0.0.1');
    await once(node.#server, 'listening');
    onTeardown(() => node.#server.close());
    return node;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends the subscription, if there is one, and the next ones. */
  end(count: number): void {
    this.#toEnd = count;
    if (!this.hasSubscriber) return;
    this.hasSubscriber = false;
    this.#socket?.write(told('sunsubscribe', 0));
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    onTeardown(() => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => {
      // Clients send one array a command; none of these commands has a star in it.
      for (const command of text.split(/(?=\*\d+\r\n)/)) socket.write(this.#answerTo(command));
    });
  }

  #answerTo(command: string): string {
    if (!command.includes('ssubscribe')) return '+OK\r\n';
    this.hasSubscriber = this.#toEnd-- <= 0;
    return told('ssubscribe', 1) + (this.hasSubscriber ? '' : told('sunsubscribe', 0));
  }
}

/** `heard`: what was told of the channel. */
function subscriptionsTo(node: FakeNode, heard: string[]): ShardedSubscriptions {
  const connect = nodeConnector(`redis-cluster://127.0.0.1:${node.port}`, 60_000);
  const owners = new SlotOwners([[0, 16_383, ['127.0.0.1', node.port]]], '');
  const subscriptions = new ShardedSubscriptions(
    {
      message: () => undefined,
      lost: (channels) => heard.push(...channels.map(() => 'lost')),
      subscribed: (channels) => heard.push(...channels.map(() => 'subscribed')),
    },
    {
      timeoutMs: 60_000,
      warn: () => undefined,
      connectTo: (hostPort) => connect('test', hostPort),
      slotOwners: async () => owners,
    },
  );
  onTeardown(() => subscriptions.close());
  return subscriptions;
}

test('a subscription that its node ends right after its answer is made again', async () => {
  const node = await FakeNode.start();
  const heard: string[] = [];
  const subscriptions = subscriptionsTo(node, heard);
  node.end(2);
  await subscriptions.subscribe(CHANNEL);
  expect([node.hasSubscriber, subscriptions.isLive(CHANNEL)]).toEqual([true, true]);
  heard.length = 0;
  node.end(1);
  await eventually('it is there again', () => node.hasSubscriber && subscriptions.isLive(CHANNEL));
  await eventually('what was missed is read', () => heard.at(-1) === 'subscribed');
});
