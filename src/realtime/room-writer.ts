/**
 * Writes the events of a feed to the listeners in its rooms.
 *
 * 1. `send` gathers a file's events during one turn of the event loop. Each is framed once, and never parsed.
 * 2. At the end of the turn, or of the file's last write, the gathered events are queued as one write to the file's listeners.
 * 3. The queue is written listener by listener; a large room, or a large event, takes several turns. Where more comes than
 *    the turns have time for, the listeners that are furthest behind are cut off: they recover what they missed.
 * 4. An idle socket gets all frames in one write to its TCP socket. Any other socket gets them through engine.io, packet by
 *    packet; while it is slow, older stats give way to newer ones, and in the end it is cut off.
 *
 * Each socket gets a file's events in order, among themselves and with everything else that is written to the socket.
 */

import type { Rooms } from '../broadcast/broadcaster.js';
import { eventName, FEEDS, type FeedName, roomOf } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { TurnLimit } from '../portions.js';
import { Backpressure, type BackpressureOptions } from './backpressure.js';
import { idleTcpOf, isOnWebSocket, writeDirectly } from './direct-write.js';
import { missingInternals } from './engine-internals.js';
import { EventPacket, PacketBundle } from './frames.js';
import { LatestStats } from './latest-stats.js';
import { fileIdOfRoom, type ListenerList, ListenerLists } from './listener-lists.js';
import type { ClientSocket, SocketServer } from './server-types.js';
import { type TurnShare, WriteQueue } from './write-queue.js';

/** Characters of one file that are gathered before they are queued: joining more costs more than a second write. */
const MAX_GATHERED_SIZE = 65_536;
/** What is written in one turn: a socket takes some ten microseconds, and a megabyte a millisecond. */
const PER_TURN: TurnShare = { sockets: 500, bytes: 2 * 2 ** 20 };
/** Listeners whose access is checked, or that are told of a deletion, in one turn. */
const CHECKS_PER_TURN = 250;

interface GatheredEvents {
  readonly packets: EventPacket[];
  /** The listeners when the first event was sent. */
  readonly list: ListenerList;
  size: number;
  /** When the first event was sent, of `performance.now()`. */
  readonly sentAt: number;
  /** When the update came that the first of them is about; undefined where that is not known. */
  arrivedAt: number | undefined;
}

interface RoomOptions extends BackpressureOptions {
  readonly perTurn?: TurnShare;
  /** Characters of the events that may wait of all files while their listeners are written to. */
  readonly maxWaitingBytes: number;
}

export class RoomWriter implements Rooms {
  readonly backpressure: Backpressure;
  readonly #gathered = new Map<FileId, GatheredEvents>();
  readonly #queue: WriteQueue;
  readonly #latestStats = new LatestStats((socket) => this.#writeQueuedTo(socket));
  readonly #listenerLists: ListenerLists;
  readonly #checks = new TurnLimit(CHECKS_PER_TURN);
  readonly #removals = new TurnLimit(CHECKS_PER_TURN);
  /** Events that were written to sockets since they were counted last: counting each one would take longer. */
  readonly #written: Record<FeedName, number> = { stats: 0, emails: 0 };
  #scheduled: NodeJS.Immediate | null = null;
  /** Null until the first WebSocket connection has been inspected. */
  #hasInternals: boolean | null = null;

  constructor(
    io: SocketServer,
    private readonly options: RoomOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    this.#listenerLists = new ListenerLists(io);
    this.backpressure = new Backpressure(options, metrics, logger);
    this.#queue = new WriteQueue({
      maxBytes: options.maxWaitingBytes,
      write: (socket, fileId, bundle, sentAt) => this.#write(socket, fileId, bundle, sentAt),
      cutOff: (socket) => {
        // The list is of a moment ago: those who have gone since are no slow consumers.
        if (socket.connected) this.backpressure.cutOff(socket);
      },
      finished: (arrivedAt) => metrics.deliveries.written(arrivedAt),
    });
    const namespace = io.of('/');
    const sockets = new WeakMap<ClientSocket['conn'], ClientSocket>();
    const writeQueuedTo = (conn: ClientSocket['conn']) => this.#writeQueuedTo(sockets.get(conn));
    // Before engine.io writes anything else of ours, such as an answer. One function for all connections, to save memory.
    const packetCreated = function (this: ClientSocket['conn'], { type }: { type: string }) {
      if (type === 'message') writeQueuedTo(this);
    };
    namespace.on('connection', (socket) => {
      sockets.set(socket.conn, socket);
      socket.conn.on('packetCreate', packetCreated);
    });
    namespace.adapter.on('join-room', (room) => this.#membersChange(room));
    namespace.adapter.on('leave-room', (room, id) => {
      const fileId = this.#membersChange(room);
      const socket = namespace.sockets.get(id);
      if (fileId === null || socket === undefined) return;
      // Stats that are queued would wait, after this, for those in flight: they would come after `unsubscribed`.
      if (socket.conn.readyState === 'open') this.#writeQueuedTo(socket);
      this.#latestStats.discard(socket, fileId);
    });
  }

  send(feed: FeedName, fileId: FileId, payload: string, revision = 0): void {
    const members = this.#listenerLists.membersOf(feed, fileId);
    if (members.size === 0) return;
    let gathered = this.#gathered.get(fileId);
    if (gathered === undefined) {
      const list = this.#listenerLists.of(fileId);
      gathered = { packets: [], list, size: 0, sentAt: performance.now(), arrivedAt: undefined };
      this.#gathered.set(fileId, gathered);
      this.#schedule();
    }
    // An EVENT packet of the default namespace, as Socket.IO itself would serialise it.
    gathered.packets.push(new EventPacket(feed, `2["${eventName(feed)}",${payload}]`));
    gathered.size += payload.length;
    gathered.arrivedAt ??= this.metrics.deliveries.take(fileId, revision);
    if (gathered.size >= MAX_GATHERED_SIZE) this.#enqueue(fileId);
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      // A file's next write follows its last one in any case: until then its events are gathered for it.
      for (const fileId of this.#gathered.keys()) if (!this.#queue.has(fileId)) this.#enqueue(fileId);
      this.#scheduled = null;
      this.#queue.writeSome(this.options.perTurn ?? PER_TURN);
      this.#countWritten();
      if (!this.#queue.isEmpty || this.#gathered.size > 0) this.#schedule();
    });
  }

  #countWritten(): void {
    for (const feed of FEEDS) {
      if (this.#written[feed] > 0) this.metrics.delivered.inc({ feed }, this.#written[feed]);
      this.#written[feed] = 0;
    }
  }

  #enqueue(fileId: FileId): void {
    const gathered = this.#gathered.get(fileId);
    if (gathered === undefined) return;
    this.#gathered.delete(fileId);
    const { packets, list, sentAt, arrivedAt } = gathered;
    const only = (wanted: FeedName) => new PacketBundle(packets.filter(({ feed }) => feed === wanted));
    const bundles = { both: new PacketBundle(packets), stats: only('stats'), emails: only('emails') };
    this.#queue.add(fileId, { list, bundles, sentAt, arrivedAt });
    this.#schedule();
  }

  #write(socket: ClientSocket, fileId: FileId, bundle: PacketBundle, sentAt: number): void {
    const { packets } = bundle;
    if (!socket.connected || socket.data.subscriptions.areEnding || packets.length === 0) return;
    const tcp = this.#canWriteDirectly(socket) ? idleTcpOf(socket) : null;
    const isDirect = tcp !== null && bundle.joined !== null;
    if (!isDirect && !this.backpressure.mayWrite(socket, sentAt)) return;
    for (const { feed } of packets) this.#written[feed]++;
    if (isDirect) {
      this.#latestStats.discard(socket, fileId);
      writeDirectly(tcp, bundle.joined);
      return;
    }
    for (const packet of packets) {
      if (packet.feed === 'stats') {
        this.#latestStats.write(socket, fileId, packet);
      } else {
        // These results are followed by stats of their own. Older stats must not come after them.
        this.#latestStats.discard(socket, fileId);
        socket.conn.write(packet.text, packet.options);
      }
    }
  }

  #canWriteDirectly(socket: ClientSocket): boolean {
    if (this.#hasInternals === null && isOnWebSocket(socket)) {
      const missing = missingInternals(socket.conn);
      this.#hasInternals = missing.length === 0;
      if (!this.#hasInternals)
        this.logger.warn({ missing }, 'internals of engine.io or ws are missing: no direct writes');
    }
    return this.#hasInternals === true;
  }

  /** Writes to a socket, ahead of its turn, all that was sent to it so far. A write that is under way goes on by itself. */
  #writeQueuedTo(socket: ClientSocket | undefined): void {
    if (this.#queue.isWriting || socket === undefined) return;
    for (const fileId of this.#gathered.keys())
      if (FEEDS.some((feed) => socket.rooms.has(roomOf(feed, fileId)))) this.#enqueue(fileId);
    this.#queue.writeTo(socket);
  }

  /** A socket joins or leaves a room: events sent before are for the earlier members. Returns the room's file. */
  #membersChange(room: string): FileId | null {
    const fileId = fileIdOfRoom(room);
    if (fileId === null) return null;
    this.#enqueue(fileId);
    this.#listenerLists.invalidate(fileId);
    return fileId;
  }

  recheckAccess(fileId: FileId): Promise<void> | null {
    const listeners = this.#listenerLists.of(fileId).listeners.map(({ socket }) => socket.data.subscriptions);
    const affected = listeners.filter((listener) => listener.dependsOnOwner(fileId));
    if (affected.length === 0) return null;
    const checks: Promise<void>[] = [];
    const begun = this.#checks.each(affected, (listener) => {
      checks.push(listener.recheck([fileId]));
    });
    return begun.then(() => Promise.all(checks)).then(() => undefined);
  }

  /** In turns of the event loop. No other socket joins the rooms meanwhile, and nothing of the file is sent. */
  async removed(fileId: FileId): Promise<void> {
    const { listeners } = this.#listenerLists.of(fileId);
    this.#gathered.delete(fileId);
    this.#queue.discard(fileId);
    await this.#removals.each(listeners, ({ socket }) => {
      const { subscriptions } = socket.data;
      // It may have unsubscribed, or be gone.
      if (!subscriptions.has(fileId)) return;
      void subscriptions.drop(fileId);
      if (!subscriptions.hasEnded) socket.emit('file_deleted', { fileId });
    });
  }
}
