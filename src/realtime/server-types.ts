import type { Server, Socket } from 'socket.io';
import type { Principal } from '../auth/principal.js';
import type { ClientToServerEvents, ServerToClientEvents } from '../domain/events.js';
import type { EventQueue } from './event-queue.js';
import type { Subscriptions } from './subscriptions.js';
import type { TokenBucket } from './token-bucket.js';

export interface SocketData {
  /** Who came with the token of the handshake. */
  principal: Principal;
  subscriptions: Subscriptions;
  /** How many events it may send. */
  events: TokenBucket;
  /** Its events are answered one after the other. */
  turns: EventQueue;
}

type Nothing = Record<string, never>;
export type SocketServer = Server<ClientToServerEvents, ServerToClientEvents, Nothing, SocketData>;
export type ClientSocket = Socket<ClientToServerEvents, ServerToClientEvents, Nothing, SocketData>;
