/** Sends the sockets of a gateway that is about to close to other gateways: one after the other, not all at once. */

import { setTimeout as pause } from 'node:timers/promises';
import type { ClientSocket, SocketServer } from './server-types.js';

/** Sockets are sent away at this pace, where there is time for it: other gateways have to take them in. */
const MS_PER_SOCKET = 1;
/** Each comes back a little later, so that those that were sent away in one turn do not come in one. */
const RECONNECT_WITHIN_MS = 100;
const POLL_INTERVAL_MS = 10;

export interface DrainingTimes {
  /** By then all are sent away, however many there are. */
  readonly sentWithinMs: number;
  /** Those that read slowly are waited for this long: closing the server drops what is still buffered for them. */
  readonly readWithinMs: number;
  readonly paceMs?: number;
}

/**
 * Sends each socket `server_draining` and closes its connection once that is on its way. Until its turn comes a socket
 * gets its events as always, so no listener is behind for longer than it takes to connect again. One that connects
 * meanwhile is sent away at once. Those that have not read it in time are left to be closed with the server.
 */
export async function drainSockets(
  io: SocketServer,
  { sentWithinMs, readWithinMs, paceMs = MS_PER_SOCKET }: DrainingTimes,
): Promise<void> {
  const startedAt = performance.now();
  const all = [...io.of('/').sockets.values()];
  const msPerSocket = Math.min(paceMs, Math.max(0, sentWithinMs) / Math.max(1, all.length));
  io.on('connection', sendAway);
  for (const [index, socket] of all.entries()) {
    const early = startedAt + index * msPerSocket - performance.now();
    if (early > POLL_INTERVAL_MS) await pause(early);
    if (socket.connected) sendAway(socket);
  }
  const deadline = performance.now() + readWithinMs;
  const isClosing = ({ conn }: ClientSocket) => conn.readyState !== 'closed';
  while (performance.now() < deadline && all.some(isClosing)) await pause(POLL_INTERVAL_MS);
}

/** Not by `disconnect`: a client that the server has disconnected does not come back by itself. */
function sendAway(socket: ClientSocket): void {
  socket.emit('server_draining', { reconnectInMs: Math.round(RECONNECT_WITHIN_MS * Math.random()) });
  socket.conn.close();
}
