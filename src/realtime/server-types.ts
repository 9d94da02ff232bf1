/** The types of the Socket.IO server and its sockets: their events, and what is stored with each socket. */

import type { Server, Socket } from 'socket.io';
import type { Principal } from '../auth/principal.js';
import type { ClientToServerEvents, ServerToClientEvents } from '../domain/events.js';
import type { FileId, UserId } from '../domain/id.js';
import type { Subscriptions } from './subscriptions.js';
import type { EventQueue, TokenBucket } from './throttling.js';

interface SocketData {
  /** Of the handshake's token. */
  principal: Principal;
  /** The caller that its answers count for. */
  caller: string;
  subscriptions: Subscriptions;
  /** How many events the socket may send. */
  eventRate: TokenBucket;
  /** Its events are answered one at a time. */
  eventQueue: EventQueue;
}

/** What gateways ask each other through Socket.IO's adapter; each answers with a number of its own sockets. */
export interface GatewayEvents {
  revoked: (revocation: { sub: UserId; at: number }, answer: (disconnected: number) => void) => void;
  count_listeners: (fileId: FileId, answer: (listeners: number) => void) => void;
}

export type SocketServer = Server<ClientToServerEvents, ServerToClientEvents, GatewayEvents, SocketData>;
export type ClientSocket = Socket<ClientToServerEvents, ServerToClientEvents, GatewayEvents, SocketData>;
