/** Sends the sockets of a gateway that is about to close to other gateways: one after the other, not all at once. */

import { setTimeout as pause } from 'node:timers/promises';
import { waitingBytes } from './backpressure.js';
import type { ClientSocket, SocketServer } from './server-types.js';

/** Sockets are sent away at this pace, where there is time for it: other gateways have to take them in. */
const MS_PER_SOCKET = 2;
/** Each comes back a little later, so that those that were sent away in one turn do not come in one. */
const RECONNECT_WITHIN_MS = 100;
const POLL_INTERVAL_MS = 10;

interface DrainingTimes {
  /** By then all are sent away, however many there are. */
  readonly sentWithinMs: number;
  /** Those that read slowly are waited for this long: closing the server drops what is still buffered for them. */
  readonly readWithinMs: number;
  readonly paceMs?: number;
}

/**
 * Sends each socket `server_draining`, and closes its connection once it has been sent all that was meant for it. Until its
 * turn a socket gets its events, so no listener is behind for longer than it takes to connect again. A socket that connects
 * meanwhile is sent away at once. Sockets that do not read in time are left to be closed with the server.
 */
export async function drainSockets(
  io: SocketServer,
  { sentWithinMs, readWithinMs, paceMs = MS_PER_SOCKET }: DrainingTimes,
): Promise<void> {
  const startedAt = performance.now();
  const all = [...io.of('/').sockets.values()];
  const msPerSocket = Math.min(paceMs, Math.max(0, sentWithinMs) / Math.max(1, all.length));
  const told = new Set<ClientSocket>();
  const tell = (socket: ClientSocket) => {
    socket.emit('server_draining', { reconnectInMs: Math.round(RECONNECT_WITHIN_MS * Math.random()) });
    told.add(socket);
  };
  io.on('connection', tell);
  for (let next = 0, deadline = Number.POSITIVE_INFINITY; performance.now() < deadline; ) {
    for (const socket of told) if (waitingBytes(socket.conn) === 0) closeAndForget(socket, told);
    const elapsed = performance.now() - startedAt;
    for (; next < all.length && next * msPerSocket <= elapsed; next++) tell(all[next] as ClientSocket);
    if (next === all.length) {
      if (told.size === 0 && all.every(({ conn }) => conn.readyState === 'closed')) return;
      deadline = Math.min(deadline, performance.now() + readWithinMs);
    }
    await pause(POLL_INTERVAL_MS);
  }
}

/** Not by `disconnect`: a client that the server has disconnected does not come back by itself. */
function closeAndForget(socket: ClientSocket, told: Set<ClientSocket>): void {
  told.delete(socket);
  socket.conn.close();
}
