/**
 * Limits the packets that a client may send in a second, whichever way they come: one request that polls may bring tens of
 * thousands, and all of them are handled in one turn of the event loop.
 */

import type { Server, Socket } from 'socket.io';
import { internalsOf } from './engine-internals.js';
import { SentThisSecond } from './throttling.js';

type Connection = Socket['conn'];

/** Each has its token verified. A client sends one, and another after it was refused or disconnected. */
const MAX_CONNECTS_PER_SECOND = 10;
/** The type of a Socket.IO packet that asks to join a namespace. */
const CONNECT = '0';

export function limitPackets(engine: Server['engine'], maxPerSecond: number): void {
  const packets = new SentThisSecond<Connection>();
  const connects = new SentThisSecond<Connection>();
  const count = function (this: Connection, { data }: { data?: unknown }) {
    const isConnect = typeof data === 'string' && data.startsWith(CONNECT);
    const hasTooMany = packets.add(this) > maxPerSecond;
    if (hasTooMany || (isConnect && connects.add(this) > MAX_CONNECTS_PER_SECOND)) end(this);
  };
  engine.on('connection', (connection: Connection) => connection.on('packet', count));
}

/** What has come with this packet is dropped: nothing is handled of a connection that closes. */
function end(connection: Connection): void {
  const webSocket = internalsOf(connection).transport?.socket;
  connection.close(true);
  webSocket?.terminate?.();
}
