/** The types of the Socket.IO server and its sockets: their events, and what is stored with each socket. */

import type { Server, Socket } from 'socket.io';
import type { Principal } from '../auth/principal.js';
import type { ClientToServerEvents, ServerToClientEvents } from '../domain/events.js';
import type { Subscriptions } from './subscriptions.js';
import type { EventQueue, TokenBucket } from './throttling.js';

export interface SocketData {
  /** Of the handshake's token. */
  principal: Principal;
  subscriptions: Subscriptions;
  /** How many events the socket may send. */
  eventRate: TokenBucket;
  /** Its events are answered one at a time. */
  eventQueue: EventQueue;
}

type Nothing = Record<string, never>;
export type SocketServer = Server<ClientToServerEvents, ServerToClientEvents, Nothing, SocketData>;
export type ClientSocket = Socket<ClientToServerEvents, ServerToClientEvents, Nothing, SocketData>;
