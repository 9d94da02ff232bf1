import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Socket as Client } from 'socket.io-client';
import { createLogger, type Logger } from '../../src/logger.js';
import { createMetrics, type Metrics } from '../../src/metrics.js';
import { trimSocket } from '../../src/realtime/memory-trimming.js';
import { RoomWriter } from '../../src/realtime/room-writer.js';
import { createSocketServer } from '../../src/realtime/server.js';
import type { ClientSocket, SocketServer } from '../../src/realtime/server-types.js';
import type { Subscriptions } from '../../src/realtime/subscriptions.js';
import { UnreadAnswers } from '../../src/unread-answers.js';
import { onTeardown } from '../support/teardown.js';

const MANY = 1_000;
/** Of sockets that join rooms without them. */
const NO_SUBSCRIPTIONS = { areEnding: false, has: () => false } as unknown as Subscriptions;

export interface RoomStage {
  readonly url: string;
  readonly io: SocketServer;
  readonly rooms: RoomWriter;
  readonly metrics: Metrics;
  /** The gateway's end of a client's connection. */
  socketOf(client: Client): ClientSocket;
}

/** The gateway's socket server and its room writer, and nothing else of it: tests say who is in which room. */
export async function roomStage(
  maxBufferedBytes = 2 ** 26,
  log: Partial<Logger> = {},
  maxWaitingBytes = 2 ** 26,
): Promise<RoomStage> {
  const http = createServer();
  const io = createSocketServer(http, {
    origins: [],
    addressOf: ({ socket }) => socket.remoteAddress ?? '',
    maxConnections: MANY,
    maxConnectionsPerAddress: MANY,
    maxHandshakesPerSecond: MANY,
    isDraining: () => false,
    handshakeTimeoutMs: 10_000,
    maxPayloadBytes: 65_536,
    maxSubscriptions: 1,
    maxSubscriptionsInAll: MANY,
    maxEventsPerSecond: 100,
    maxFramesPerSecond: 1_000,
    adapter: null,
  });
  const metrics = createMetrics();
  const rooms = new RoomWriter(
    io,
    // Rooms of a few sockets are written to over several turns already, and large events one socket at a time.
    {
      maxBufferedBytes,
      unread: new UnreadAnswers(2 ** 26),
      maxWaitingBytes,
      perTurn: { sockets: 2, bytes: 50_000 },
    },
    metrics,
    Object.assign(createLogger('silent'), log),
  );
  io.on('connection', (socket) => {
    socket.data.subscriptions = NO_SUBSCRIPTIONS;
    // As the gateway does with every listener.
    trimSocket(socket);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTeardown(() => io.close());
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    io,
    rooms,
    metrics,
    socketOf: (client) => {
      const socket = io.of('/').sockets.get(client.id ?? '');
      if (socket === undefined) throw new Error('the client is not connected');
      return socket;
    },
  };
}
