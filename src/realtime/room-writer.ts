import type { Rooms } from '../broadcast/broadcaster.js';
import { eventName, FEEDS, type FeedName, roomOf } from '../domain/events.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { type BacklogOptions, Backlogs } from './backlogs.js';
import { idleTcpOf, isOnWebSocket } from './direct-write.js';
import type { Gate, GateSocket } from './gate-socket.js';
import { missing } from './insides.js';
import { Laggards } from './laggards.js';
import { Mailing, Packet } from './mailing.js';
import { type Posting, Postings } from './postings.js';
import type { Subscriptions } from './subscriptions.js';

/** Frames are joined up to so many characters; larger ones would cost more to copy than a second write costs. */
const JOIN_UP_TO = 65_536;
/** Some ten microseconds each. */
const SOCKETS_PER_TURN = 500;

interface Gathered {
  readonly packets: Packet[];
  size: number;
}

/** A socket that enters or leaves a room, which what was sent before must not notice. */
interface Move {
  readonly id: string;
  readonly room: string;
  readonly wasIn: boolean;
}

export interface RoomOptions extends BacklogOptions {
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
  readonly backlogs: Backlogs;
  readonly #laggards = new Laggards((socket) => this.#settle(socket));
  readonly #gathered = new Map<string, Gathered>();
  readonly #postings = new Postings((id, fileId, mailing) => this.#write(id, fileId, mailing));
  #due: NodeJS.Immediate | null = null;
  /** Null until a WebSocket connection has shown whether it can be written to. */
  #isDirect: boolean | null = null;

  constructor(
    private readonly io: Gate,
    private readonly options: RoomOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.backlogs = new Backlogs(options, metrics, logger);
    const namespace = io.of('/');
    const sockets = new WeakMap<GateSocket['conn'], GateSocket>();
    const settle = (conn: GateSocket['conn']) => this.#settle(sockets.get(conn));
    // Anything else that is written to somebody comes behind what was sent before it. One function for all of them.
    const created = function (this: GateSocket['conn']) {
      settle(this);
    };
    namespace.on('connection', (socket) => {
      sockets.set(socket.conn, socket);
      socket.conn.on('packetCreate', created);
    });
    namespace.adapter.on('join-room', (room, id) => this.#moved({ id, room, wasIn: false }));
    namespace.adapter.on('leave-room', (room, id) => this.#moved({ id, room, wasIn: true }));
  }

  send(feed: FeedName, fileId: string, payload: string): void {
    const members = this.#members(feed, fileId);
    if (members.size === 0) return;
    let gathered = this.#gathered.get(fileId);
    if (gathered === undefined) {
      gathered = { packets: [], size: 0 };
      this.#gathered.set(fileId, gathered);
      this.#arm();
    }
    // An EVENT packet of the default namespace, as Socket.IO itself would serialise it.
    gathered.packets.push(new Packet(feed, `2["${eventName(feed)}",${payload}]`));
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
  #settle(socket: GateSocket | undefined): void {
    if (this.#postings.isWriting || socket === undefined) return;
    this.#postAll();
    this.#postings.writeTo(socket.id);
  }

  /** What was sent before the move is for the room as it was then. */
  #moved(move: Move): void {
    const fileId = fileOf(move.room);
    if (fileId === null) return;
    this.#post(fileId, move);
    const socket = this.io.of('/').sockets.get(move.id);
    if (move.wasIn && socket !== undefined) this.#laggards.forget(socket, fileId);
  }

  #postAll(): void {
    for (const fileId of this.#gathered.keys()) this.#post(fileId);
  }

  /** Says who gets what was gathered. */
  #post(fileId: string, move?: Move): void {
    const gathered = this.#gathered.get(fileId);
    if (gathered === undefined) return;
    this.#gathered.delete(fileId);
    const { packets } = gathered;
    const only = (wanted: FeedName) => new Mailing(packets.filter(({ feed }) => feed === wanted));
    const mailings = { both: new Mailing(packets), stats: only('stats'), emails: only('emails') };
    const [stats, emails] = [this.#members('stats', fileId), this.#members('emails', fileId)];
    const wasIn = (id: string, feed: FeedName, now: ReadonlySet<string>) =>
      id === move?.id && move.room === roomOf(feed, fileId) ? move.wasIn : now.has(id);
    const posting: Posting = new Map();
    for (const id of new Set([...stats, ...emails, ...(move === undefined ? [] : [move.id])])) {
      const [wantsStats, wantsEmails] = [wasIn(id, 'stats', stats), wasIn(id, 'emails', emails)];
      if (wantsStats) posting.set(id, wantsEmails ? mailings.both : mailings.stats);
      else if (wantsEmails) posting.set(id, mailings.emails);
    }
    this.#postings.add(fileId, posting);
    this.#arm();
  }

  #write(id: string, fileId: string, mailing: Mailing): void {
    const { packets } = mailing;
    const socket = this.io.of('/').sockets.get(id);
    if (socket === undefined || packets.length === 0) return;
    const tcp = this.#canWriteDirectly(socket) ? idleTcpOf(socket) : null;
    if (tcp !== null && mailing.joined !== null) {
      this.#laggards.forget(socket, fileId);
      tcp.write(mailing.joined);
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

  #canWriteDirectly(socket: GateSocket): boolean {
    if (this.#isDirect === null && isOnWebSocket(socket)) {
      const gone = missing(socket.conn);
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

  #members(feed: FeedName, fileId: string): ReadonlySet<string> {
    return this.io.of('/').adapter.rooms.get(roomOf(feed, fileId)) ?? NOBODY;
  }

  #listenersOf(fileId: string): Subscriptions[] {
    const { sockets } = this.io.of('/');
    const ids = new Set(FEEDS.flatMap((feed) => [...this.#members(feed, fileId)]));
    return [...ids].flatMap((id) => sockets.get(id)?.data.subscriptions ?? []);
  }
}

const NOBODY: ReadonlySet<string> = new Set();

/** The file that a room is of; null: it is a socket's own. */
function fileOf(room: string): string | null {
  const feed = FEEDS.find((name) => room.startsWith(roomOf(name, '')));
  return feed === undefined ? null : room.slice(roomOf(feed, '').length);
}
