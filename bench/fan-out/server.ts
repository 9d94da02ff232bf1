import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { roomOf } from '../../src/domain/events.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { createGate } from '../../src/realtime/gate.js';
import { RoomWriter } from '../../src/realtime/room-writer.js';
import { ownCpu } from '../support/usage.js';

/** The part of the gateway that writes to rooms, in a process of its own: both ways over the very same sockets. */
export interface Block {
  readonly way: 'rooms' | 'stock';
  readonly events: number;
  /** Events sent in one go. */
  readonly inOneTick: number;
}

const FILE = 'fan-out';
const EVENT_BYTES = 300;
const SETTLE_TICKS = 50;

const http = createServer();
const io = createGate(http, {
  origins: [],
  addressOf: ({ socket }) => socket.remoteAddress ?? '',
  maxConnections: 20_000,
  maxConnectionsPerAddress: 20_000,
  maxHandshakesPerSecond: 20_000,
  handshakeTimeoutMs: 10_000,
  maxPayloadBytes: 65_536,
  maxSubscriptions: 1,
  maxEventsPerSecond: 100,
});
io.on('connection', (socket) => void socket.join(roomOf('stats', FILE)));
const rooms = new RoomWriter(io, { maxBufferedBytes: 2 ** 24 }, createMetrics(), createLogger('silent'));

const body = { fileId: FILE, text: '' };
body.text = 'x'.repeat(EVENT_BYTES - JSON.stringify(['file_stats', body]).length - 2);
const payload = JSON.stringify(body);

const send: Record<Block['way'], () => unknown> = {
  rooms: () => rooms.send('stats', FILE, payload),
  stock: () => io.to(roomOf('stats', FILE)).emit('file_stats', body as never),
};

/** CPU microseconds for each event that was handed to a socket. */
async function run({ way, events, inOneTick }: Block): Promise<number> {
  const cpu = await ownCpu(async () => {
    for (let sent = 0; sent < events; sent += inOneTick) {
      for (let n = 0; n < inOneTick; n++) send[way]();
      await setImmediate();
    }
    // What the sockets have taken is written, and told of, in the turns of the loop that follow.
    for (let n = 0; n < SETTLE_TICKS; n++) await setImmediate();
  });
  return (cpu * 1000) / events / io.engine.clientsCount;
}

http.listen(0, '127.0.0.1');
await once(http, 'listening');
process.on('message', (block: Block) => void run(block).then((cost) => process.send?.(cost)));
process.once('disconnect', () => process.exit());
process.send?.(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
