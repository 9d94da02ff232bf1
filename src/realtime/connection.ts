import type { Socket } from 'socket.io';
import { internalsOf } from './engine-internals.js';

type Connection = Socket['conn'];

/** Bytes that were written to a connection and that its peer has not taken yet, about. */
export function waitingBytes(connection: Connection): number {
  const { writeBuffer, transport } = internalsOf(connection);
  let bytes = transport?.socket?.bufferedAmount ?? 0;
  for (const { data } of writeBuffer ?? []) bytes += typeof data === 'string' ? Buffer.byteLength(data) : 0;
  return bytes;
}

/** What waits for a peer that does not read must not wait for ever. */
const LINGER_MS = 2_000;
/** The WebSocket close code for a breach of policy. */
const POLICY_VIOLATION = 1008;

/** Closes a connection with a reason that its peer sees if it ever reads again. */
export function cutOff(connection: Connection, reason: string): void {
  const socket = internalsOf(connection).transport?.socket;
  if (socket?.close === undefined) {
    connection.close(true);
    return;
  }
  socket.close(POLICY_VIOLATION, reason);
  const timer = setTimeout(() => socket.terminate(), LINGER_MS);
  connection.once('close', () => clearTimeout(timer));
}
