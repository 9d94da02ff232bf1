import { setTimeout as pause } from 'node:timers/promises';
import { waitingBytes } from './connection.js';
import type { ClientSocket, SocketServer } from './server-types.js';

/** Reconnections are spread over so much time for each socket, so that they do not all knock at once. */
const SPREAD_MS_PER_SOCKET = 0.6;
const MIN_SPREAD_MS = 500;
const MAX_SPREAD_MS = 10_000;

/**
 * Tells everybody that the gateway is about to close, and when to come back. Fulfilled once all have taken that, and what
 * waited for them before it, or when the time for it is over: closing a connection drops what still waits.
 */
export async function announceDraining(io: SocketServer, patienceMs: number): Promise<void> {
  const { sockets } = io.of('/');
  const spread = Math.min(MAX_SPREAD_MS, Math.max(MIN_SPREAD_MS, sockets.size * SPREAD_MS_PER_SOCKET));
  const tell = (socket: ClientSocket) => {
    socket.emit('server_draining', { reconnectInMs: Math.round(spread * (0.2 + 0.8 * Math.random())) });
  };
  for (const socket of sockets.values()) tell(socket);
  io.on('connection', tell);
  const end = performance.now() + patienceMs;
  const isWaiting = ({ conn }: ClientSocket) => waitingBytes(conn) > 0;
  while (performance.now() < end && [...sockets.values()].some(isWaiting)) await pause(LOOK_MS);
}

const LOOK_MS = 10;
