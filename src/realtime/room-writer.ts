import type { Server, Socket } from 'socket.io';
import type { Rooms } from '../broadcast/broadcaster.js';
import {
  type ClientToServerEvents,
  eventName,
  FEEDS,
  type FeedName,
  roomOf,
  type ServerToClientEvents,
} from '../domain/events.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { cutOff, waitingBytes } from './connection.js';
import type { Subscriptions } from './subscriptions.js';

export interface SocketData {
  subscriptions: Subscriptions;
}

export type Gate = Server<ClientToServerEvents, ServerToClientEvents, Record<string, never>, SocketData>;
export type GateSocket = Socket<
  ClientToServerEvents,
  ServerToClientEvents,
  Record<string, never>,
  SocketData
>;

export interface RoomWriterOptions {
  /** A socket for which more than this waits does not read, and is cut off. */
  readonly maxBufferedBytes: number;
}

/** Writes the payloads of a feed to the sockets of its room: as text, framed once, parsed by nobody on the way. */
export class RoomWriter implements Rooms {
  constructor(
    private readonly io: Gate,
    private readonly options: RoomWriterOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  send(feed: FeedName, fileId: string, payload: string): void {
    const { adapter, sockets } = this.io.of('/');
    const members = adapter.rooms.get(roomOf(feed, fileId));
    if (members === undefined) return;
    // An EVENT packet of the default namespace, as Socket.IO itself would serialise it.
    const packet = `2["${eventName(feed)}",${payload}]`;
    for (const id of members) {
      const socket = sockets.get(id);
      if (socket !== undefined) this.#write(socket, packet);
    }
    this.metrics.delivered.inc({ feed }, members.size);
  }

  removed(fileId: string): void {
    const rooms = FEEDS.map((feed) => roomOf(feed, fileId));
    const { adapter, sockets } = this.io.of('/');
    this.io.local.to(rooms).emit('file_deleted', { fileId });
    for (const id of new Set(rooms.flatMap((room) => [...(adapter.rooms.get(room) ?? [])]))) {
      void sockets.get(id)?.data.subscriptions.forget(fileId);
    }
  }

  #write(socket: GateSocket, packet: string): void {
    const waiting = waitingBytes(socket.conn);
    if (waiting <= this.options.maxBufferedBytes) {
      socket.conn.write(packet);
      return;
    }
    this.metrics.slowConsumers.inc();
    this.logger.warn(
      { socket: socket.id, waiting, reason: 'slow_consumer' },
      'a socket that does not read was cut off',
    );
    socket.data.subscriptions.end();
    cutOff(socket.conn, 'slow_consumer');
  }
}
