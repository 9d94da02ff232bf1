import type { Duplex } from 'node:stream';
import type { Server } from 'socket.io';
import { isOnWebSocket } from './direct-write.js';
import { type EmitterInternals, internalsOf } from './engine-internals.js';
import type { ClientSocket } from './server-types.js';

type Engine = Server['engine'];

/** A listener of an EventEmitter; `listener`: what it calls once. */
type Listener = (() => void) & { readonly listener?: unknown };

/**
 * engine.io keeps the request of a WebSocket for as long as its TCP socket, for middlewares that wait for the end of the
 * response: there are none here, so what listens for that is taken away once the connection has been upgraded.
 */
export function releaseUpgradeRequests(engine: Engine): void {
  const upgrade = engine.handleUpgrade.bind(engine);
  engine.handleUpgrade = (request: Parameters<typeof upgrade>[0], tcp: Duplex, head: Buffer) => {
    const before = tcp.rawListeners('close') as Listener[];
    upgrade(request, tcp, head);
    // The first that it adds, and only for once: what ws adds after it stays.
    const added = (tcp.rawListeners('close') as Listener[]).find((listener) => !before.includes(listener));
    if (added?.listener !== undefined) tcp.off('close', added);
  };
}

/** In the place of what each socket had of its own: nobody asks for it again. */
const NO_HANDSHAKE = Object.freeze({ headers: {}, query: {}, auth: {} });
const NO_ACKS: ReadonlyMap<unknown, unknown> = new Map();

/**
 * Lets go of what served to open a connection and would be kept for as long as it lasts: the request's headers and its
 * token, the socket's own room, which nobody writes to, and the acknowledgements of events, which are never asked for.
 */
export function trimSocket(socket: ClientSocket): void {
  const { conn } = socket;
  Object.assign(conn, { request: null });
  Object.assign(socket, { handshake: NO_HANDSHAKE, acks: NO_ACKS });
  void socket.leave(socket.id);
  compact(socket);
  tidy(conn);
  if (!isOnWebSocket(socket)) conn.once('upgrade', () => tidy(conn));
}

/** What engine.io has set up for a connection, without what was for opening it and without room for more. */
function tidy(connection: ClientSocket['conn']): void {
  const inside = internalsOf(connection);
  const { transport } = inside;
  compact(connection);
  if (Array.isArray(inside.cleanupFn)) inside.cleanupFn = inside.cleanupFn.slice();
  if (transport?.socket === undefined) return;
  transport.removeAllListeners('headers');
  for (const listener of transport.socket.listeners('error')) {
    if (listener.name === 'onUpgradeError') transport.socket.off('error', listener as () => void);
  }
  compact(transport);
  compact(transport.socket);
}

/** Without a prototype that has anything, as EventEmitter wants it; made by a constructor, it is no hash table. */
const Listeners = function (this: object) {} as unknown as new () => Record<string | symbol, unknown>;
Listeners.prototype = Object.create(null);

/** Puts an emitter's listeners, which come in a hash table, where they take what they need. Its arrays of them are its own: it marks them. */
function compact(emitter: object): void {
  const inside: EmitterInternals = emitter;
  const { _events: before } = inside;
  if (before === undefined) return;
  const listeners = new Listeners();
  for (const event of Reflect.ownKeys(before)) listeners[event] = before[event];
  inside._events = listeners;
}
