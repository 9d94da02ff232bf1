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
import type { Subscriptions } from './subscriptions.js';

/** Frames are joined up to so many characters; larger ones would cost more to copy than a second write costs. */
const JOIN_UP_TO = 65_536;

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

/**
 * Writes the payloads of a feed to the sockets of its rooms: as text, framed once, parsed by nobody on the way. What comes
 * for a file within one turn of the event loop is joined into one write; a socket for which nothing waits gets it
 * straight on its TCP socket, any other one through engine.io. Each socket gets a file's events in their order, among
 * themselves and with whatever else is written to it.
 */
export class RoomWriter implements Rooms {
  readonly backlogs: Backlogs;
  readonly #laggards = new Laggards(() => this.#settle());
  readonly #gathered = new Map<string, Gathered>();
  #due: NodeJS.Immediate | null = null;
  #isPosting = false;
  /** Null until a WebSocket connection has shown whether it can be written to. */
  #isDirect: boolean | null = null;

  constructor(
    private readonly io: Gate,
    options: BacklogOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.backlogs = new Backlogs(options, metrics, logger);
    const namespace = io.of('/');
    const settle = () => this.#settle();
    // Anything else that is written to somebody comes behind what was sent before it.
    namespace.on('connection', ({ conn }) => void conn.on('packetCreate', settle));
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
      this.#due ??= setImmediate(() => this.flush());
    }
    // An EVENT packet of the default namespace, as Socket.IO itself would serialise it.
    gathered.packets.push(new Packet(feed, `2["${eventName(feed)}",${payload}]`));
    gathered.size += payload.length;
    this.metrics.delivered.inc({ feed }, members.size);
    if (gathered.size >= JOIN_UP_TO) this.#post(fileId);
  }

  /** Writes what has been gathered. */
  flush(): void {
    if (this.#due !== null) clearImmediate(this.#due);
    this.#due = null;
    for (const fileId of this.#gathered.keys()) this.#post(fileId);
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

  /** While something is being written, all of it is on its way already. */
  #settle(): void {
    if (!this.#isPosting) this.flush();
  }

  #moved(move: Move): void {
    const fileId = fileOf(move.room);
    if (fileId === null) return;
    this.#post(fileId, move);
    const socket = this.io.of('/').sockets.get(move.id);
    if (move.wasIn && socket !== undefined) this.#laggards.forget(socket, fileId);
  }

  #post(fileId: string, move?: Move): void {
    const gathered = this.#gathered.get(fileId);
    if (gathered === undefined) return;
    this.#gathered.delete(fileId);
    const { packets } = gathered;
    const only = (wanted: FeedName) => new Mailing(packets.filter(({ feed }) => feed === wanted));
    const mailings = { both: new Mailing(packets), stats: only('stats'), emails: only('emails') };
    const [stats, emails] = [this.#members('stats', fileId), this.#members('emails', fileId)];
    const write = (id: string, wantsStats: boolean, wantsEmails: boolean) => {
      if (wantsStats && wantsEmails) this.#write(id, fileId, mailings.both);
      else if (wantsStats) this.#write(id, fileId, mailings.stats);
      else if (wantsEmails) this.#write(id, fileId, mailings.emails);
    };
    this.#isPosting = true;
    try {
      for (const id of stats) if (id !== move?.id) write(id, true, emails.has(id));
      for (const id of emails) if (id !== move?.id && !stats.has(id)) write(id, false, true);
      if (move !== undefined) {
        const wasIn = (feed: FeedName, now: ReadonlySet<string>) =>
          move.room === roomOf(feed, fileId) ? move.wasIn : now.has(move.id);
        write(move.id, wasIn('stats', stats), wasIn('emails', emails));
      }
    } finally {
      this.#isPosting = false;
    }
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
