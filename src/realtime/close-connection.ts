/** Closes a client's connection with a reason that the client sees. */

import type { Socket } from 'socket.io';
import { internalsOf } from './engine-internals.js';

/** How long a peer that does not read has to complete the WebSocket closing handshake. Left to ws and engine.io, it has 30 s. */
const CLOSE_TIMEOUT_MS = 2_000;
/** The WebSocket close code for a breach of policy. */
const POLICY_VIOLATION = 1008;

/**
 * A WebSocket is closed by a frame with the reason: Socket.IO's client passes it on as `details.context.reason` of the
 * event `disconnect`. A client that polls sees no more than that the connection is closed.
 */
export function closeConnection(
  connection: Socket['conn'],
  reason: string,
  timeoutMs = CLOSE_TIMEOUT_MS,
): void {
  const socket = internalsOf(connection).transport?.socket;
  if (socket?.close === undefined) {
    connection.close(true);
    return;
  }
  socket.close(POLICY_VIOLATION, reason);
  const timer = setTimeout(() => socket.terminate(), timeoutMs).unref();
  // Not that of the connection: engine.io counts it as closed before its socket is.
  socket.once('close', () => clearTimeout(timer));
}
