import type { Socket } from 'socket.io';

type Connection = Socket['conn'];

/**
 * The parts of an engine.io connection that it does not declare. Where an upgrade took one away, nothing counts as
 * waiting, and closing is left to engine.io.
 */
interface Undeclared {
  readonly writeBuffer?: readonly { readonly data?: unknown }[];
  readonly transport?: { readonly socket?: WebSocketLike };
}

interface WebSocketLike {
  readonly bufferedAmount?: number;
  close?(code: number, reason: string): void;
  terminate?(): void;
}

/** Bytes that were written to a connection and that its peer has not taken yet, about. */
export function waitingBytes(connection: Connection): number {
  const { writeBuffer, transport } = connection as unknown as Undeclared;
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
  const socket = (connection as unknown as Undeclared).transport?.socket;
  if (socket?.close === undefined) {
    connection.close(true);
    return;
  }
  socket.close(POLICY_VIOLATION, reason);
  const timer = setTimeout(() => socket.terminate?.(), LINGER_MS);
  connection.once('close', () => clearTimeout(timer));
}
