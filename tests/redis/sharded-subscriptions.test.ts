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
  /** Answers that are kept back; null: none are. */
  #held: string[] | null = null;
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

  holdAnswers(): void {
    this.#held = [];
  }

  get heldAnswers(): number {
    return this.#held?.length ?? 0;
  }

  /** And a message behind them. */
  giveAnswers(): void {
    for (const answer of this.#held?.splice(0) ?? []) this.#socket?.write(answer);
    this.#socket?.write(`*3\r\n${bulk('smessage')}${bulk(CHANNEL)}${bulk('text')}`);
    this.#held = null;
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    onTeardown(() => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => {
      // Clients send one array a command; none of these commands has a star in it.
      for (const command of text.split(/(?=\*\d+\r\n)/)) this.#answer(command);
    });
  }

  #answer(command: string): void {
    const answer = this.#answerTo(command);
    if (this.#held !== null && command.includes('ssubscribe')) this.#held.push(answer);
    else this.#socket?.write(answer);
  }

  #answerTo(command: string): string {
    if (!command.includes('ssubscribe')) return '+OK\r\n';
    this.hasSubscriber = this.#toEnd-- <= 0;
    return told('ssubscribe', 1) + (this.hasSubscriber ? '' : told('sunsubscribe', 0));
  }
}

type Range = ConstructorParameters<typeof SlotOwners>[0][number];

/** `heard`: what was told of the channel. */
function subscriptionsTo(owner: () => FakeNode, heard: string[], others: FakeNode[] = []) {
  const connect = nodeConnector(`redis-cluster://127.0.0.1:${owner().port}`, 60_000);
  const range = (first: number, last: number, { port }: FakeNode): Range => [
    first,
    last,
    ['127.0.0.1', port],
  ];
  // The others keep a slot each, which is not the channel's.
  const slots = () => [
    ...others.map((other, slot) => range(slot, slot, other)),
    range(others.length, 16_383, owner()),
  ];
  const subscriptions = new ShardedSubscriptions(
    {
      message: () => heard.push('message'),
      lost: (channels) => heard.push(...channels.map(() => 'lost')),
      subscribed: (channels) => heard.push(...channels.map(() => 'subscribed')),
    },
    {
      timeoutMs: 60_000,
      warn: () => undefined,
      connectTo: (hostPort) => connect('test', hostPort),
      slotOwners: async () => new SlotOwners(slots(), ''),
    },
  );
  onTeardown(() => subscriptions.close());
  return subscriptions;
}

test('a subscription that its node ends right after its answer is made again', async () => {
  const node = await FakeNode.start();
  const heard: string[] = [];
  const subscriptions = subscriptionsTo(() => node, heard);
  node.end(2);
  await subscriptions.subscribe(CHANNEL);
  expect([node.hasSubscriber, subscriptions.isLive(CHANNEL)]).toEqual([true, true]);
  heard.length = 0;
  node.end(1);
  await eventually('it is there again', () => node.hasSubscriber && subscriptions.isLive(CHANNEL));
  await eventually('what was missed is read', () => heard.at(-1) === 'subscribed');
});

test('a slot that moves on before its channel is subscribed to is reported by its last node alone', async () => {
  const [first, second, third] = [await FakeNode.start(), await FakeNode.start(), await FakeNode.start()];
  let owner = first;
  const heard: string[] = [];
  const subscriptions = subscriptionsTo(() => owner, heard, [second]);
  await subscriptions.subscribe(CHANNEL);
  second.holdAnswers();
  third.holdAnswers();
  owner = second;
  first.end(0);
  await eventually('the second node is asked', () => second.heldAnswers > 0);
  owner = third;
  await eventually('the third node is asked', () => third.heldAnswers > 0);
  second.giveAnswers();
  await eventually('the answer of the second node was read', () => heard.includes('message'));
  expect(heard).not.toContain('subscribed');
  third.giveAnswers();
  await eventually('it is there', () => subscriptions.isLive(CHANNEL));
  await eventually('what was missed is read', () => heard.includes('subscribed'));
});
