import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Socket as Client } from 'socket.io-client';
import { type FeedName, roomOf } from '../../src/domain/events.js';
import { waitingBytes } from '../../src/realtime/connection.js';
import { idleTcpOf } from '../../src/realtime/direct-write.js';
import type { ClientSocket } from '../../src/realtime/server-types.js';
import { effort } from '../support/effort.js';
import { connect } from '../support/socket.js';
import { retry } from '../support/wait.js';
import { type RoomStage, roomStage } from './room-stage.js';

const FILES = ['a', 'b'] as const;
type File = (typeof FILES)[number];

/** One thing that somebody is told: an event of a file, or a mark that goes to one socket past the rooms. */
interface Told {
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

/** Both ways of telling a room. */
type Way = (stage: RoomStage, feed: FeedName, file: File, payload: object) => void;
const ours: Way = ({ rooms }, feed, file, payload) => rooms.send(feed, file, JSON.stringify(payload));
const stock: Way = ({ io }, feed, file, payload) => {
  io.to(roomOf(feed, file)).emit(`file_${feed}`, payload as never);
};

class Seat {
  /** What Socket.IO promises: everything that was sent while it was in the room, in order. */
  readonly expected: Told[] = [];
  readonly received: Told[] = [];
  readonly rooms = new Set<string>();
  /** Files that were left since their last stats: what was kept of them is nobody's any more. */
  readonly left = new Set<File>();
  hasVanished = false;

  constructor(
    readonly client: Client,
    readonly socket: ClientSocket,
  ) {
    const take = (feed: Told['feed']) => (body: { fileId?: File; number: number }) =>
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
async function seats(stage: RoomStage): Promise<Seat[]> {
  const kinds = [
    {},
    { perMessageDeflate: { threshold: 0 } },
    { transports: ['polling'] },
    { transports: ['polling', 'websocket'] },
  ];
  const taken: Seat[] = [];
  for (let n = 0; n < CLIENTS; n++) {
    const client = await connect(stage.url, kinds[n % kinds.length] as object);
    const seat = new Seat(client, stage.socketOf(client));
    for (const feed of ['stats', 'emails'] as const) enter(seat, feed, 'a');
    taken.push(seat);
  }
  return taken;
}

async function played(script: readonly Step[], way: Way): Promise<Seat[]> {
  const stage = await roomStage();
  const all = await seats(stage);
  let number = 0;
  for (const step of script) {
    number++;
    if (step.kind === 'turn') await new Promise(setImmediate);
    else if (step.kind === 'send') tell(stage, all, way, step, number);
    else act(all[step.client] as Seat, step, number);
  }
  for (const seat of all) pauseOf(seat)?.resume();
  return all;
}

function tell(
  stage: RoomStage,
  all: readonly Seat[],
  way: Way,
  step: Step & { kind: 'send' },
  number: number,
) {
  const { feed, file, padding } = step;
  way(stage, feed, file, { fileId: file, epoch: 'e', number, padding: 'é'.repeat(padding / 2) });
  for (const seat of all) {
    if (!seat.rooms.has(roomOf(feed, file))) continue;
    seat.expected.push({ file, feed, number });
    if (feed === 'stats') seat.left.delete(file);
  }
}

function enter({ socket, rooms }: Seat, feed: FeedName, file: File): void {
  void socket.join(roomOf(feed, file));
  rooms.add(roomOf(feed, file));
}

function act(seat: Seat, step: Exclude<Step, { kind: 'send' | 'turn' }>, number: number): void {
  if (seat.hasVanished) return;
  switch (step.kind) {
    case 'join':
      enter(seat, step.feed, step.file);
      break;
    case 'leave':
      void seat.socket.leave(roomOf(step.feed, step.file));
      if (seat.rooms.delete(roomOf(step.feed, step.file))) seat.left.add(step.file);
      break;
    case 'mark':
      (seat.socket.emit as (event: string, body: object) => void)('mark', { number });
      seat.expected.push({ file: null, feed: 'mark', number });
      break;
    case 'pause':
      pauseOf(seat)?.pause();
      break;
    case 'vanish':
      seat.hasVanished = true;
      seat.client.disconnect();
      break;
  }
}

/** The client's end of the TCP connection, while it has a WebSocket on it. */
function pauseOf({ client }: Seat): { pause(): void; resume(): void } | undefined {
  const { transport } = client.io.engine as unknown as { transport?: { ws?: { _socket?: never } } };
  return transport?.ws?._socket;
}

/**
 * Of each file: results and marks exactly as Socket.IO delivers them; its events in their order, where stats may be left out
 * for newer ones; and no stats sooner than a mark that was sent before them.
 */
function check(seat: Seat): void {
  for (const file of FILES) {
    const of = (told: readonly Told[]) => told.filter((one) => one.file === file || one.file === null);
    const firm = (told: readonly Told[]) => told.filter(({ feed }) => feed !== 'stats');
    const [expected, received] = [of(seat.expected), of(seat.received)];
    const firmlyReceived = firm(received);
    const due = seat.isOver ? firm(expected).slice(0, firmlyReceived.length) : firm(expected);
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
    if (last?.feed === 'stats' && !seat.isOver && !seat.left.has(file)) {
      expect(events.at(-1)).toBe(last.number);
    }
  }
}

test.each([
  { name: 'Socket.IO', way: stock },
  { name: 'the room writer', way: ours },
])(
  'everybody gets what was sent, in order, whatever they do meanwhile: $name',
  async ({ way }) => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const all = await played(script, way);
        await retry(async () => {
          for (const seat of all) check(seat);
        });
        for (const { client } of all) client.disconnect();
      }),
      { numRuns: effort(3, 60), endOnFailure: true },
    );
  },
  120_000,
);

test('who does not read gets the newest stats once it does, and all results', async () => {
  const stage = await roomStage();
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  for (const feed of ['stats', 'emails'] as const) void socket.join(roomOf(feed, 'a'));
  const heard: string[] = [];
  client.on('file_stats', ({ number }) => heard.push(`stats ${number}`));
  client.on('file_emails', ({ number }) => heard.push(`emails ${number}`));
  const seat = new Seat(client, socket);
  pauseOf(seat)?.pause();
  const send = async (feed: FeedName, number: number, padding = 0) => {
    ours(stage, feed, 'a', { fileId: 'a', epoch: 'e', number, padding: 'x'.repeat(padding) });
    await new Promise(setImmediate);
  };
  let last = 0;
  // More than the system takes off the gateway's hands.
  while (waitingBytes(socket.conn) === 0) await send('emails', ++last, 1_000_000);
  const results = last;
  for (let n = 0; n < 50; n++) await send('stats', ++last);
  pauseOf(seat)?.resume();
  await retry(async () => expect(heard.at(-1)).toBe(`stats ${last}`));
  const all = Array.from({ length: results }, (_, index) => `emails ${index + 1}`);
  expect(heard).toEqual([...all, `stats ${results + 1}`, `stats ${last}`]);
});

test('what a listener gets in one turn comes in one write', async () => {
  const stage = await roomStage();
  const client = await connect(stage.url);
  const socket = stage.socketOf(client);
  void socket.join(roomOf('stats', 'a'));
  const tcp = idleTcpOf(socket);
  if (tcp === null) throw new Error('nothing waits for it, and yet it is not idle');
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

test('without what it relies on, everything goes through engine.io, and that is said once', async () => {
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
