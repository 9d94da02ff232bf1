/**
 * Keeps the payload of one poll within the packets that every client decodes: python-socketio stops at 16, as a guard against
 * large payloads. What is left goes out with the next poll, which follows at once.
 */

import type { Server } from 'socket.io';
import { internalsOf } from './engine-internals.js';

const MAX_PACKETS = 16;

type Connection = Parameters<typeof internalsOf>[0];

/** engine.io announces what it is about to hand to the transport, and then that it has done so, in the same turn. */
export function limitPollingPayloads(engine: Server['engine']): void {
  let rest: unknown[] = [];
  engine.on('flush', (connection: Connection, packets: unknown[]) => {
    const { readyState, transport } = internalsOf(connection);
    // A connection that closes after this payload sends all that it has.
    if (transport?.name === 'polling' && readyState === 'open' && packets.length > MAX_PACKETS)
      rest = packets.splice(MAX_PACKETS);
  });
  engine.on('drain', (connection: Connection) => {
    if (rest.length === 0) return;
    // Before what was written since.
    internalsOf(connection).writeBuffer?.unshift(...(rest as { data?: unknown }[]));
    rest = [];
  });
}
