/** Compared server: the part of the gateway that writes to rooms. */
import { createServer } from 'node:http';
import { roomOf } from '../../../src/domain/events.js';
import { createLogger } from '../../../src/logger.js';
import { createMetrics } from '../../../src/metrics.js';
import { RoomWriter } from '../../../src/realtime/room-writer.js';
import { createSocketServer } from '../../../src/realtime/server.js';
import type { Subscriptions } from '../../../src/realtime/subscriptions.js';
import { UnreadAnswers } from '../../../src/unread-answers.js';
import { bodyOf, FILE, serve } from './commands.js';

const MOST = 20_000;

const http = createServer();
const io = createSocketServer(http, {
  origins: [],
  addressOf: ({ socket }) => socket.remoteAddress ?? '',
  maxConnections: MOST,
  maxConnectionsPerAddress: MOST,
  maxHandshakesPerSecond: MOST,
  isDraining: () => false,
  handshakeTimeoutMs: 10_000,
  maxPayloadBytes: 65_536,
  maxSubscriptions: 1,
  maxSubscriptionsInAll: MOST,
  maxEventsPerSecond: 100,
  maxFramesPerSecond: 1_000,
  adapter: null,
});
io.on('connection', (socket) => {
  socket.data.subscriptions = { areEnding: false } as Subscriptions;
  void socket.join(roomOf('stats', FILE));
});
const rooms = new RoomWriter(
  io,
  { maxBufferedBytes: 2 ** 24, maxWaitingBytes: 2 ** 25, unread: new UnreadAnswers(2 ** 30) },
  createMetrics(),
  createLogger('warn'),
);

serve(http, (bytes) => {
  const payload = JSON.stringify(bodyOf(bytes));
  return () => rooms.send('stats', FILE, payload);
});
