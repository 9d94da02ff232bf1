/** Frees what engine.io and Socket.IO keep of opening a connection: most sockets listen for hours and send nothing. */

import type { Duplex } from 'node:stream';
import type { Server } from 'socket.io';
import { isOnWebSocket } from './direct-write.js';
import { type EmitterInternals, internalsOf } from './engine-internals.js';
import type { ClientSocket } from './server-types.js';

type Engine = Server['engine'];

/** `listener`: the wrapped function, where it was added by `once`. */
type EmitterListener = (() => void) & { readonly listener?: unknown };

/**
 * engine.io keeps the request of a WebSocket as long as its TCP socket, by a `close` listener for middlewares that wait
 * for the end of the response. The gateway has none, so that listener is removed after the upgrade.
 */
export function releaseUpgradeRequests(engine: Engine): void {
  const upgrade = engine.handleUpgrade.bind(engine);
  engine.handleUpgrade = (request: Parameters<typeof upgrade>[0], tcp: Duplex, head: Buffer) => {
    const before = tcp.rawListeners('close') as EmitterListener[];
    upgrade(request, tcp, head);
    // engine.io's is the first that was added, and by `once`. Those after it are of ws, and stay.
    const added = (tcp.rawListeners('close') as EmitterListener[]).find(
      (listener) => !before.includes(listener),
    );
    if (added?.listener !== undefined) tcp.off('close', added);
  };
}

/** Shared by all sockets in place of their own, which are not read again. */
const NO_HANDSHAKE = Object.freeze({ headers: {}, query: {}, auth: {} });
const NO_ACKS: ReadonlyMap<unknown, unknown> = new Map();

/**
 * Frees the request's headers and token, the socket's own room, which is never written to, and the acknowledgements of
 * events, which the gateway never asks for.
 */
export function trimSocket(socket: ClientSocket): void {
  const { conn } = socket;
  Object.assign(conn, { request: null });
  Object.assign(socket, { handshake: NO_HANDSHAKE, acks: NO_ACKS });
  void socket.leave(socket.id);
  compactListeners(socket);
  trimConnection(conn);
  if (!isOnWebSocket(socket)) conn.once('upgrade', () => trimConnection(conn));
}

/** Removes the listeners that only served to open the connection. */
function trimConnection(connection: ClientSocket['conn']): void {
  const internals = internalsOf(connection);
  const { transport } = internals;
  compactListeners(connection);
  // A copy has no spare capacity.
  if (Array.isArray(internals.cleanupFn)) internals.cleanupFn = internals.cleanupFn.slice();
  if (transport?.socket === undefined) return;
  transport.removeAllListeners('headers');
  for (const listener of transport.socket.listeners('error')) {
    if (listener.name === 'onUpgradeError') transport.socket.off('error', listener as () => void);
  }
  compactListeners(transport);
  compactListeners(transport.socket);
}

/** An object without inherited members, as EventEmitter needs it. V8 stores it compactly because a constructor makes it. */
const ListenerTable = function (this: object) {} as unknown as new () => Record<string | symbol, unknown>;
ListenerTable.prototype = Object.create(null);

/** Moves an emitter's listeners from a hash table to a compact object. The arrays in it are not copied: Node.js marks them. */
function compactListeners(emitter: object): void {
  const internals: EmitterInternals = emitter;
  const { _events: before } = internals;
  if (before === undefined) return;
  const listeners = new ListenerTable();
  for (const event of Reflect.ownKeys(before)) listeners[event] = before[event];
  internals._events = listeners;
}
