import type { Server, Socket } from 'socket.io';
import type { Principal } from '../auth/principal.js';
import type { ClientToServerEvents, ServerToClientEvents } from '../domain/events.js';
import type { Subscriptions } from './subscriptions.js';
import type { TokenBucket } from './token-bucket.js';
import type { Turns } from './turns.js';

export interface SocketData {
  /** Who came with the token of the handshake. */
  principal: Principal;
  subscriptions: Subscriptions;
  /** How many events it may send. */
  events: TokenBucket;
  /** Its events are answered one after the other. */
  turns: Turns;
}

type Nothing = Record<string, never>;
export type Gate = Server<ClientToServerEvents, ServerToClientEvents, Nothing, SocketData>;
export type GateSocket = Socket<ClientToServerEvents, ServerToClientEvents, Nothing, SocketData>;
