import type { Rooms } from '../broadcast/broadcaster.js';
import { eventName, FEEDS, type FeedName, roomOf } from '../domain/events.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { Backpressure, type BackpressureOptions } from './backpressure.js';
import { idleTcpOf, isOnWebSocket, writeIdle } from './direct-write.js';
import { missingInternals } from './engine-internals.js';
import { EventPacket, FrameBatch } from './frames.js';
import { LatestStats } from './latest-only.js';
import { fileIdOfRoom, type ListenerList, ListenerLists } from './listener-lists.js';
import type { ClientSocket, SocketServer } from './server-types.js';
import type { Subscriptions } from './subscriptions.js';
import { WriteQueue } from './write-queue.js';

/** Frames are joined up to so many characters; larger ones would cost more to copy than a second write costs. */
const JOIN_UP_TO = 65_536;
/** Some ten microseconds each. */
const SOCKETS_PER_TURN = 500;

interface Gathered {
  readonly packets: EventPacket[];
  /** Who listened when the first of them was sent. */
  readonly audience: ListenerList;
  size: number;
}

export interface RoomOptions extends BackpressureOptions {
  /** Sockets that are written to in one turn of the event loop. */
  readonly socketsPerTurn?: number;
}

/**
 * Writes the payloads of a feed to the sockets of its rooms: as text, framed once, parsed by nobody on the way. What comes
 * for a file within one turn of the event loop is joined into one write; a socket for which nothing waits gets it
 * straight on its TCP socket, any other one through engine.io. A large room is written to over several turns. Each socket
 * gets a file's events in their order, among themselves and with whatever else is written to it.
 */
export class RoomWriter implements Rooms {
  readonly backlogs: Backpressure;
  readonly #laggards = new LatestStats((socket) => this.#settle(socket));
  readonly #gathered = new Map<string, Gathered>();
  readonly #postings = new WriteQueue((socket, fileId, mailing) => this.#write(socket, fileId, mailing));
  readonly #audiences: ListenerLists;
  #due: NodeJS.Immediate | null = null;
  /** Null until a WebSocket connection has shown whether it can be written to. */
  #isDirect: boolean | null = null;

  constructor(
    private readonly io: SocketServer,
    private readonly options: RoomOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.#audiences = new ListenerLists(io);
    this.backlogs = new Backpressure(options, metrics, logger);
    const namespace = io.of('/');
    const sockets = new WeakMap<ClientSocket['conn'], ClientSocket>();
    const settle = (conn: ClientSocket['conn']) => this.#settle(sockets.get(conn));
    // Anything else that is written to somebody comes behind what was sent before it. One function for all of them.
    const created = function (this: ClientSocket['conn']) {
      settle(this);
    };
    namespace.on('connection', (socket) => {
      sockets.set(socket.conn, socket);
      socket.conn.on('packetCreate', created);
    });
    namespace.adapter.on('join-room', (room) => this.#moved(room));
    namespace.adapter.on('leave-room', (room, id) => {
      const fileId = this.#moved(room);
      const socket = namespace.sockets.get(id);
      if (fileId !== null && socket !== undefined) this.#laggards.forget(socket, fileId);
    });
  }

  send(feed: FeedName, fileId: string, payload: string): void {
    const members = this.#audiences.membersOf(feed, fileId);
    if (members.size === 0) return;
    let gathered = this.#gathered.get(fileId);
    if (gathered === undefined) {
      gathered = { packets: [], audience: this.#audiences.of(fileId), size: 0 };
      this.#gathered.set(fileId, gathered);
      this.#arm();
    }
    // An EVENT packet of the default namespace, as Socket.IO itself would serialise it.
    gathered.packets.push(new EventPacket(feed, `2["${eventName(feed)}",${payload}]`));
    gathered.size += payload.length;
    this.metrics.delivered.inc({ feed }, members.size);
    if (gathered.size >= JOIN_UP_TO) this.#post(fileId);
  }

  #arm(): void {
    this.#due ??= setImmediate(() => {
      this.#postAll();
      this.#due = null;
      this.#postings.writeSome(this.options.socketsPerTurn ?? SOCKETS_PER_TURN);
      if (!this.#postings.isEmpty) this.#arm();
    });
  }

  readmit(fileId: string): Promise<void> | null {
    const concerned = this.#listenersOf(fileId).filter((listener) => listener.dependsOnOwner(fileId));
    if (concerned.length === 0) return null;
    return Promise.all(concerned.map((listener) => listener.recheck([fileId]))).then(() => undefined);
  }

  removed(fileId: string): void {
    const listeners = this.#listenersOf(fileId);
    this.io.local.to(FEEDS.map((feed) => roomOf(feed, fileId))).emit('file_deleted', { fileId });
    for (const listener of listeners) void listener.forget(fileId);
  }

  /** Writes to a socket what was sent to it until now. While something is being written, that is under way. */
  #settle(socket: ClientSocket | undefined): void {
    if (this.#postings.isWriting || socket === undefined) return;
    this.#postAll();
    this.#postings.writeTo(socket);
  }

  /** Somebody enters or leaves a room: what was sent before is for the room as it was. Answers with the room's file. */
  #moved(room: string): string | null {
    const fileId = fileIdOfRoom(room);
    if (fileId === null) return null;
    this.#post(fileId);
    this.#audiences.changed(fileId);
    return fileId;
  }

  #postAll(): void {
    for (const fileId of this.#gathered.keys()) this.#post(fileId);
  }

  /** From now on what was gathered is being written. */
  #post(fileId: string): void {
    const gathered = this.#gathered.get(fileId);
    if (gathered === undefined) return;
    this.#gathered.delete(fileId);
    const { packets, audience } = gathered;
    const only = (wanted: FeedName) => new FrameBatch(packets.filter(({ feed }) => feed === wanted));
    const mailings = { both: new FrameBatch(packets), stats: only('stats'), emails: only('emails') };
    this.#postings.add(fileId, { audience, mailings });
    this.#arm();
  }

  #write(socket: ClientSocket, fileId: string, mailing: FrameBatch): void {
    const { packets } = mailing;
    if (!socket.connected || packets.length === 0) return;
    const tcp = this.#canWriteDirectly(socket) ? idleTcpOf(socket) : null;
    if (tcp !== null && mailing.joined !== null) {
      this.#laggards.forget(socket, fileId);
      writeIdle(tcp, mailing.joined);
      return;
    }
    if (!this.backlogs.admits(socket)) return;
    for (const packet of packets) {
      if (packet.feed === 'stats') {
        this.#laggards.write(socket, fileId, packet);
      } else {
        // Its own stats follow it; what is kept of older ones must not.
        this.#laggards.forget(socket, fileId);
        socket.conn.write(packet.text, packet.options);
      }
    }
  }

  #canWriteDirectly(socket: ClientSocket): boolean {
    if (this.#isDirect === null && isOnWebSocket(socket)) {
      const gone = missingInternals(socket.conn);
      this.#isDirect = gone.length === 0;
      if (!this.#isDirect) {
        this.logger.warn(
          { missing: gone },
          'rooms are written to through engine.io: something has changed in it',
        );
      }
    }
    return this.#isDirect === true;
  }

  #listenersOf(fileId: string): Subscriptions[] {
    return this.#audiences.of(fileId).listeners.map(({ socket }) => socket.data.subscriptions);
  }
}
