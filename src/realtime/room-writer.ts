import type { Rooms } from '../broadcast/broadcaster.js';
import { eventName, FEEDS, type FeedName, roomOf } from '../domain/events.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { type BacklogOptions, Backlogs } from './backlogs.js';
import { framedOnce } from './frame.js';
import type { Gate } from './gate-socket.js';
import type { Subscriptions } from './subscriptions.js';

/** Writes the payloads of a feed to the sockets of its room: as text, framed once, parsed by nobody on the way. */
export class RoomWriter implements Rooms {
  readonly backlogs: Backlogs;

  constructor(
    private readonly io: Gate,
    options: BacklogOptions,
    private readonly metrics: Metrics,
    logger: Logger,
  ) {
    this.backlogs = new Backlogs(options, metrics, logger);
  }

  send(feed: FeedName, fileId: string, payload: string): void {
    const { adapter, sockets } = this.io.of('/');
    const members = adapter.rooms.get(roomOf(feed, fileId));
    if (members === undefined) return;
    // An EVENT packet of the default namespace, as Socket.IO itself would serialise it.
    const packet = `2["${eventName(feed)}",${payload}]`;
    const options = framedOnce(packet);
    for (const id of members) {
      const socket = sockets.get(id);
      if (socket !== undefined && this.backlogs.admits(socket)) socket.conn.write(packet, options);
    }
    this.metrics.delivered.inc({ feed }, members.size);
  }

  readmit(fileId: string): Promise<void> | null {
    const concerned = this.#listenersOf(fileId).filter((listener) => listener.dependsOnOwner(fileId));
    if (concerned.length === 0) return null;
    return Promise.all(concerned.map((listener) => listener.recheck([fileId]))).then(() => undefined);
  }

  removed(fileId: string): void {
    const listeners = this.#listenersOf(fileId);
    this.io.local.to(roomsOf(fileId)).emit('file_deleted', { fileId });
    for (const listener of listeners) void listener.forget(fileId);
  }

  #listenersOf(fileId: string): Subscriptions[] {
    const { adapter, sockets } = this.io.of('/');
    const ids = new Set(roomsOf(fileId).flatMap((room) => [...(adapter.rooms.get(room) ?? [])]));
    return [...ids].flatMap((id) => sockets.get(id)?.data.subscriptions ?? []);
  }
}

const roomsOf = (fileId: string): string[] => FEEDS.map((feed) => roomOf(feed, fileId));
