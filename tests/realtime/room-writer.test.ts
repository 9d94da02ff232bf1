import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { Socket as Client } from 'socket.io-client';
import { type FeedName, roomOf } from '../../src/domain/events.js';
import { unreadBytes, waitingBytes } from '../../src/realtime/backpressure.js';
import { idleTcpOf } from '../../src/realtime/direct-write.js';
import type { ClientSocket } from '../../src/realtime/server-types.js';
import { effort } from '../support/effort.js';
import { connect } from '../support/socket.js';
import { retry } from '../support/wait.js';
import { type RoomStage, roomStage } from './room-stage.js';

const FILES = ['a', 'b'] as const;
type File = (typeof FILES)[number];

/** One message to a listener: an event of a file, or a mark that is sent to one socket and not to a room. */
interface Message {
  readonly file: File | null;
  readonly feed: FeedName | 'mark';
  readonly number: number;
}

type Step =
  | { readonly kind: 'send'; readonly file: File; readonly feed: FeedName; readonly padding: number }
  | { readonly kind: 'join' | 'leave'; readonly file: File; readonly feed: FeedName; readonly client: number }
  | { readonly kind: 'mark' | 'pause' | 'vanish'; readonly client: number }
  | { readonly kind: 'turn' };

const CLIENTS = 4;
const file = fc.constantFrom(...FILES);
const feed = fc.constantFrom<FeedName>('stats', 'emails');
const client = fc.nat(CLIENTS - 1);
const send = fc.record({
  kind: fc.constant('send' as const),
  file,
  feed,
  padding: fc.oneof(fc.constant(0), fc.nat(200), fc.constant(70_000)),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: send },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('join' as const, 'leave' as const), file, feed, client }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('mark' as const), client }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'vanish' as const), client }),
    },
    { weight: 5, arbitrary: fc.constant({ kind: 'turn' as const }) },
  ),
  { minLength: 20, maxLength: 120 },
);

interface Inside {
  readonly transport: { readonly socket: { _socket: object } };
}

/** Two ways of sending to a room. */
type Way = (stage: RoomStage, feed: FeedName, file: File, payload: object) => void;
const ours: Way = ({ rooms }, feed, file, payload) => rooms.send(feed, file, JSON.stringify(payload));
const stock: Way = ({ io }, feed, file, payload) => {
  io.to(roomOf(feed, file)).emit(`file_${feed}`, payload as never);
};

class TestListener {
  /** What Socket.IO promises: everything that was sent while it was in the room, in order. */
  readonly expected: Message[] = [];
  readonly received: Message[] = [];
  readonly rooms = new Set<string>();
  /** Files that the listener left after their last stats, which may have been discarded then. */
  readonly left = new Set<File>();
  hasVanished = false;

  constructor(
    readonly client: Client,
    readonly socket: ClientSocket,
  ) {
    const take = (feed: Message['feed']) => (body: { fileId?: File; number: number }) =>
      this.received.push({ file: body.fileId ?? null, feed, number: body.number });
    client.on('file_stats', take('stats'));
    client.on('file_emails', take('emails'));
    client.on('mark', take('mark'));
  }

  get isOver(): boolean {
    return this.hasVanished || !this.client.connected;
  }
}

/** Clients of every kind; those that upgrade do so while the script is running. */
async function testListeners(stage: RoomStage): Promise<TestListener[]> {
  const kinds = [
    {},
    { perMessageDeflate: { threshold: 0 } },
    { transports: ['polling'] },
    { transports: ['polling', 'websocket'] },
  ];
  const taken: TestListener[] = [];
  for (let n = 0; n < CLIENTS; n++) {
    const client = await connect(stage.url, kinds[n % kinds.length] as object);
    const listener = new TestListener(client, stage.socketOf(client));
    for (const feed of ['stats', 'emails'] as const) enter(listener, feed, 'a');
    taken.push(listener);
  }
  return taken;
}

async function played(script: readonly Step[], way: Way): Promise<TestListener[]> {
  const stage = await roomStage();
  const all = await testListeners(stage);
  let number = 0;
  for (const step of script) {
    number++;
    if (step.kind === 'turn') await new Promise(setImmediate);
    else if (step.kind === 'send') sendStep(stage, all, way, step, number);
    else act(all[step.client] as TestListener, step, number);
  }
  for (const listener of all) pauseOf(listener)?.resume();
  return all;
}

function sendStep(
  stage: RoomStage,
  all: readonly TestListener[],
  way: Way,
  step: Step & { kind: 'send' },
  number: number,
) {
  const { feed, file, padding } = step;
  way(stage, feed, file, { fileId: file, epoch: 'e', number, padding: 'é'.repeat(padding / 2) });
  for (const listener of all) {
    if (!listener.rooms.has(roomOf(feed, file))) continue;
    listener.expected.push({ file, feed, number });
    if (feed === 'stats') listener.left.delete(file);
  }
}

function enter({ socket, rooms }: TestListener, feed: FeedName, file: File): void {
  void socket.join(roomOf(feed, file));
  rooms.add(roomOf(feed, file));
}

function act(listener: TestListener, step: Exclude<Step, { kind: 'send' | 'turn' }>, number: number): void {
  if (listener.hasVanished) return;
  switch (step.kind) {
    case 'join':
      enter(listener, step.feed, step.file);
      break;
    case 'leave':
      void listener.socket.leave(roomOf(step.feed, step.file));
      if (listener.rooms.delete(roomOf(step.feed, step.file))) listener.left.add(step.file);
      break;
    case 'mark':
      (listener.socket.emit as (event: string, body: object) => void)('mark', { number });
      listener.expected.push({ file: null, feed: 'mark', number });
      break;
    case 'pause':
      pauseOf(listener)?.pause();
      break;
    case 'vanish':
      listener.hasVanished = true;
      listener.client.disconnect();
      break;
  }
}

/** The client's end of the TCP connection, while it has a WebSocket on it. */
function pauseOf({ client }: TestListener): { pause(): void; resume(): void } | undefined {
  const { transport } = client.io.engine as unknown as { transport?: { ws?: { _socket?: never } } };
  return transport?.ws?._socket;
}

/**
 * Of each file: results and marks exactly as Socket.IO delivers them; its events in their order, where stats may be left out
 * for newer ones; and no stats sooner than a mark that was sent before them.
 */
function check(listener: TestListener): void {
  for (const file of FILES) {
    const of = (messages: readonly Message[]) =>
      messages.filter((one) => one.file === file || one.file === null);
    const firm = (messages: readonly Message[]) => messages.filter(({ feed }) => feed !== 'stats');
    const [expected, received] = [of(listener.expected), of(listener.received)];
    const firmlyReceived = firm(received);
    const due = listener.isOver ? firm(expected).slice(0, firmlyReceived.length) : firm(expected);
    expect(firmlyReceived).toEqual(due);
    const events = received.filter((one) => one.file === file).map(({ number }) => number);
    expect(events).toEqual([...new Set(events)].sort((one, other) => one - other));
    received.forEach((one, index) => {
      const at = expected.findIndex(({ number }) => number === one.number);
      expect(at).toBeGreaterThanOrEqual(0);
      expect(firm(received.slice(0, index)).length).toBeGreaterThanOrEqual(
        firm(expected.slice(0, at)).length,
      );
    });
    const last = expected.findLast((one) => one.file === file);
    if (last?.feed === 'stats' && !listener.isOver && !listener.left.has(file)) {
      expect(events.at(-1)).toBe(last.number);
    }
  }
}

test.each([
  { name: 'Socket.IO', way: stock },
  { name: 'the room writer', way: ours },
])('every listener gets what was sent, in order, whatever it does meanwhile: $name', async ({ way }) => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const all = await played(script, way);
      await retry(async () => {
        for (const listener of all) check(listener);
      });
      for (const { client } of all) client.disconnect();
    }),
    { numRuns: effort(3, 60), endOnFailure: true },
  );
});

test('a listener that stops reading gets all results and the newest stats once it reads again', async () => {
  const stage = await roomStage();
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  for (const feed of ['stats', 'emails'] as const) void socket.join(roomOf(feed, 'a'));
  const heard: string[] = [];
  client.on('file_stats', ({ number }) => heard.push(`stats ${number}`));
  client.on('file_emails', ({ number }) => heard.push(`emails ${number}`));
  const listener = new TestListener(client, socket);
  pauseOf(listener)?.pause();
  const send = async (feed: FeedName, number: number, padding = 0) => {
    ours(stage, feed, 'a', { fileId: 'a', epoch: 'e', number, padding: 'x'.repeat(padding) });
    await new Promise(setImmediate);
  };
  let last = 0;
  // More than the system's own buffers hold.
  while (waitingBytes(socket.conn) === 0) await send('emails', ++last, 1_000_000);
  const results = last;
  for (let n = 0; n < 50; n++) await send('stats', ++last);
  pauseOf(listener)?.resume();
  await retry(async () => expect(heard.at(-1)).toBe(`stats ${last}`));
  const all = Array.from({ length: results }, (_, index) => `emails ${index + 1}`);
  expect(heard).toEqual([...all, `stats ${results + 1}`, `stats ${last}`]);
});

/** A listener in both rooms of the file `a`, and what it hears. */
async function numberListener() {
  const stage = await roomStage();
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  for (const feed of ['stats', 'emails'] as const) void socket.join(roomOf(feed, 'a'));
  const heard: (string | number)[] = [];
  client.on('file_stats', ({ number }) => heard.push(number));
  for (const event of ['left', 'end']) client.on(event, () => heard.push(event));
  return { stage, client, socket, heard };
}

test('a listener that reads slowly gets no stats of a file after it has left its rooms', async () => {
  const { stage, client, socket, heard } = await numberListener();
  const emit = socket.emit.bind(socket) as (event: string) => void;
  const listener = new TestListener(client, socket);
  pauseOf(listener)?.pause();
  const send = (feed: FeedName, number: number, padding = 0) =>
    ours(stage, feed, 'a', { fileId: 'a', epoch: 'e', number, padding: 'x'.repeat(padding) });
  for (let number = 0; waitingBytes(socket.conn) === 0; await new Promise(setImmediate))
    send('emails', --number, 1_000_000);
  send('stats', 1);
  await new Promise(setImmediate);
  // These are queued when it leaves, while the first ones are on their way.
  send('stats', 2);
  for (const feed of ['stats', 'emails'] as const) void socket.leave(roomOf(feed, 'a'));
  emit('left');
  pauseOf(listener)?.resume();
  await retry(async () => expect(heard).toContain('left'));
  // Behind it comes whatever waited for the first stats to be read.
  await retry(async () => expect(waitingBytes(socket.conn)).toBe(0));
  emit('end');
  await retry(async () => expect(heard.at(-1)).toBe('end'));
  expect(heard).toEqual([1, 'left', 'end']);
});

test('a listener whose subscriptions end gets no stats that waited for earlier ones', async () => {
  const { stage, client, socket, heard } = await numberListener();
  const listener = new TestListener(client, socket);
  pauseOf(listener)?.pause();
  const send = async (feed: FeedName, number: number, padding = 0) => {
    ours(stage, feed, 'a', { fileId: 'a', epoch: 'e', number, padding: 'x'.repeat(padding) });
    await new Promise(setImmediate);
  };
  for (let number = 0; waitingBytes(socket.conn) === 0; ) await send('emails', --number, 1_000_000);
  for (const number of [1, 2]) await send('stats', number);
  Object.assign(socket.data, { subscriptions: { areEnding: true, has: () => false } });
  pauseOf(listener)?.resume();
  await retry(async () => expect(heard).toContain(1));
  await retry(async () => expect(waitingBytes(socket.conn)).toBe(0));
  (socket.emit.bind(socket) as (event: string) => void)('end');
  await retry(async () => expect(heard.at(-1)).toBe('end'));
  expect(heard).toEqual([1, 'end']);
});

test('what a listener gets in one turn comes in one write', async () => {
  const stage = await roomStage();
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  void socket.join(roomOf('stats', 'a'));
  const tcp = idleTcpOf(socket);
  if (tcp === null) throw new Error('the socket is not idle');
  const before = tcp.bytesWritten;
  const written: number[] = [];
  const write = tcp._write.bind(tcp);
  tcp._write = (bytes: Buffer, ...rest) => {
    written.push(bytes.length);
    write(bytes, ...rest);
  };
  const heard: number[] = [];
  client.on('file_stats', ({ number }) => heard.push(number));
  for (let number = 1; number <= 10; number++) ours(stage, 'stats', 'a', { fileId: 'a', epoch: 'e', number });
  await retry(async () => expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
  expect(written).toEqual([tcp.bytesWritten - before]);
});

/** Four listeners of the same file, the numbers that each has heard, and how many writes of large events there were to all. */
async function largeRoom(stage: RoomStage) {
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(stage.url)));
  const sockets = clients.map((client) => stage.socketOf(client));
  const heard: number[][] = clients.map(() => []);
  const written = { count: 0 };
  for (const [index, client] of clients.entries()) {
    const socket = stage.socketOf(client);
    void socket.join(roomOf('emails', 'a'));
    client.on('file_emails', ({ number }) => heard[index]?.push(number));
    const tcp = idleTcpOf(socket);
    if (tcp === null) throw new Error('the socket is not idle');
    const write = tcp.write.bind(tcp) as (bytes: Uint8Array) => boolean;
    tcp.write = (bytes: Uint8Array | string) => {
      written.count++;
      return write(bytes as Uint8Array);
    };
  }
  return { clients, sockets, heard, written };
}

const LARGE = 100_000;
const sendLarge = (stage: RoomStage, number: number) =>
  ours(stage, 'emails', 'a', { fileId: 'a', epoch: 'e', number, padding: 'x'.repeat(LARGE) });

test('a large event goes to as many listeners in one turn as the bytes allow, and the next ones wait behind it', async () => {
  const stage = await roomStage();
  const { clients, heard, written } = await largeRoom(stage);
  // More than an update of the largest size has by far, for each byte that a turn may write.
  const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
  for (const number of numbers) sendLarge(stage, number);
  const inEachTurn: number[] = [written.count];
  while (inEachTurn.length <= clients.length * numbers.length) {
    const before = written.count;
    await new Promise(setImmediate);
    if (written.count > before) inEachTurn.push(written.count - before);
  }
  expect(inEachTurn).toEqual([0, ...Array(clients.length * numbers.length).fill(1)]);
  await retry(async () => expect(heard).toEqual(clients.map(() => numbers)));
});

test('where more waits than may, the listeners of the largest room that are furthest behind are cut off, a few in a turn', async () => {
  const stage = await roomStage(2 ** 26, {}, 10 * LARGE);
  const { clients, sockets, heard, written } = await largeRoom(stage);
  const cutOff: number[] = [];
  for (const [index, socket] of sockets.entries())
    socket.data.subscriptions = {
      end: async () => {
        cutOff.push(index);
        await socket.leave(roomOf('emails', 'a'));
      },
    } as ClientSocket['data']['subscriptions'];
  const other = await connect(stage.url);
  void stage.socketOf(other).join(roomOf('stats', 'b'));
  const heardOfOther: number[] = [];
  other.on('file_stats', ({ number }) => heardOfOther.push(number));
  sendLarge(stage, 1);
  while (written.count === 0) await new Promise(setImmediate);
  for (let number = 2; number <= 9; number++) sendLarge(stage, number);
  expect(clients.map(({ connected }) => connected)).toEqual([true, true, true, true]);
  // It has gone by itself.
  sockets[3]?.conn.close(true);
  sendLarge(stage, 10);
  expect(cutOff).toEqual([]);
  const inEachTurn: number[] = [];
  for (let before = 0; cutOff.length < 2; before = cutOff.length) {
    await new Promise(setImmediate);
    if (cutOff.length > before) inEachTurn.push(cutOff.length - before);
  }
  expect(inEachTurn).toEqual([1, 1]);
  ours(stage, 'stats', 'b', { fileId: 'b', epoch: 'e', number: 1 });
  await retry(async () =>
    expect(clients.map(({ connected }) => connected)).toEqual([true, false, false, false]),
  );
  await retry(async () => expect(heard[0]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
  await retry(async () => expect(heardOfOther).toEqual([1]));
  expect(other.connected).toBe(true);
  expect(cutOff).toEqual([1, 2]);
});

test('a burst that is written in many turns is no more for a listener than one that comes at once', async () => {
  const stage = await roomStage(2 ** 21);
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  void socket.join(roomOf('emails', 'a'));
  const heard: number[] = [];
  client.on('file_emails', ({ number }) => heard.push(number));
  const listener = new TestListener(client, socket);
  pauseOf(listener)?.pause();
  let last = 0;
  for (; waitingBytes(socket.conn) === 0; await new Promise(setImmediate)) sendLarge(stage, ++last);
  // Each look at the time is one at the backlog, or nearly.
  let now = performance.now();
  const time = jest.spyOn(performance, 'now').mockImplementation(() => {
    now += 40;
    return now;
  });
  try {
    const upTo = last + 60;
    while (last < upTo) sendLarge(stage, ++last);
    while (waitingBytes(socket.conn) < 55 * LARGE) await new Promise(setImmediate);
  } finally {
    time.mockRestore();
  }
  pauseOf(listener)?.resume();
  await retry(async () => expect(heard).toEqual(Array.from({ length: last }, (_, index) => index + 1)));
});

test('small events that come while a room is written to are one write to each of its listeners', async () => {
  const stage = await roomStage();
  const { clients, heard, written } = await largeRoom(stage);
  sendLarge(stage, 1);
  while (written.count === 0) await new Promise(setImmediate);
  const tcp = idleTcpOf(stage.socketOf(clients[3] as Client));
  if (tcp === null) throw new Error('the socket is not idle');
  let small = 0;
  const write = tcp._write.bind(tcp);
  tcp._write = (...args) => {
    if ((args[0] as Buffer).length < LARGE) small++;
    write(...args);
  };
  for (const number of [2, 3, 4]) {
    ours(stage, 'emails', 'a', { fileId: 'a', epoch: 'e', number });
    if (number < 4) await new Promise(setImmediate);
  }
  await retry(async () => expect(heard).toEqual(clients.map(() => [1, 2, 3, 4])));
  expect(small).toBe(1);
});

test('nothing of a deleted file is written any more', async () => {
  const stage = await roomStage();
  const { clients, sockets, heard, written } = await largeRoom(stage);
  for (const socket of sockets)
    socket.data.subscriptions = {
      has: () => true,
      drop: async () => undefined,
    } as unknown as ClientSocket['data']['subscriptions'];
  for (const number of [1, 2, 3]) sendLarge(stage, number);
  while (written.count === 0) await new Promise(setImmediate);
  let deleted = 0;
  for (const client of clients) client.on('file_deleted', () => deleted++);
  void stage.rooms.removed('a');
  await retry(async () => expect(deleted).toBe(4));
  expect(heard).toEqual([[1], [], [], []]);
});

test('where internals are missing, everything goes through engine.io, and one warning is logged', async () => {
  const said: unknown[] = [];
  const stage = await roomStage(2 ** 26, { warn: (...args: unknown[]) => said.push(args) });
  const clients = [await connect(stage.url), await connect(stage.url)];
  const heard: unknown[] = [];
  for (const client of clients) {
    const socket = stage.socketOf(client);
    void socket.join(roomOf('emails', 'a'));
    // As if an upgrade had given it another name.
    const { socket: inside } = (socket.conn as unknown as Inside).transport;
    inside._socket = Object.create(inside._socket, { write: { value: undefined } });
    client.on('file_emails', (body) => heard.push(body));
  }
  const body = { fileId: 'a', epoch: 'e', number: 1 };
  ours(stage, 'emails', 'a', body);
  await retry(async () => expect(heard).toEqual([body, body]));
  expect(said).toEqual([[{ missing: ['_socket of ws'] }, expect.any(String)]]);
});

test('what the system has taken of a large event is seen before all of it was read', async () => {
  const stage = await roomStage();
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  void socket.join(roomOf('emails', 'a'));
  const listener = new TestListener(client, socket);
  pauseOf(listener)?.pause();
  const size = 2 ** 25;
  ours(stage, 'emails', 'a', { fileId: 'a', epoch: 'e', number: 1, padding: 'x'.repeat(size) });
  await retry(async () => expect(waitingBytes(socket.conn)).toBeGreaterThan(0));
  await retry(async () => expect(unreadBytes(socket.conn)).toBeLessThan(size));
  // The buffer is kept as a whole.
  expect(waitingBytes(socket.conn)).toBeGreaterThan(size);
  pauseOf(listener)?.resume();
});

test('events count as delivered to the sockets that they are written to, not to those that have gone', async () => {
  const { url, rooms, metrics, socketOf } = await roomStage();
  const clients = await Promise.all([connect(url), connect(url), connect(url)]);
  const [stays, goes] = clients.map(socketOf);
  const connection = goes?.conn as unknown as { onClose(reason: string): void };
  for (const client of clients) await socketOf(client).join(roomOf('emails', 'a'));
  await stays?.join(roomOf('stats', 'a'));
  rooms.send('emails', 'a', '{}');
  rooms.send('stats', 'a', '{}');
  // As where its connection breaks: nothing can be written to it any more.
  connection.onClose('transport error');
  const counts = async () =>
    Object.fromEntries(
      (await metrics.delivered.get()).values.map(({ labels, value }) => [labels.feed, value]),
    );
  await retry(async () => expect(await counts()).toMatchObject({ emails: 2, stats: 1 }));
});
