/** The listeners of each file, read from the Socket.IO rooms of its two feeds. */

import { FEEDS, type FeedName, roomOf } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import type { ClientSocket, SocketServer } from './server-types.js';

export type SubscribedFeeds = FeedName | 'both';

export interface Listener {
  readonly socket: ClientSocket;
  readonly feeds: SubscribedFeeds;
}

/** The listeners of a file at one moment, in no particular order. Later joins and leaves do not change it. */
export class ListenerList {
  #indexes: Map<ClientSocket, number> | undefined;

  constructor(readonly listeners: readonly Listener[]) {}

  /** Rarely called, so the map is made by the first call. */
  indexOf(socket: ClientSocket): number | undefined {
    this.#indexes ??= new Map(this.listeners.map((listener, index) => [listener.socket, index]));
    return this.#indexes.get(socket);
  }
}

/** Caches the list of each file until a listener joins or leaves. */
export class ListenerLists {
  readonly #byFile = new Map<FileId, ListenerList>();

  constructor(private readonly io: SocketServer) {}

  /** An empty list is not cached: no later leave would remove it. */
  of(fileId: FileId): ListenerList {
    const known = this.#byFile.get(fileId);
    if (known !== undefined) return known;
    const list = new ListenerList(this.#listenersOf(fileId));
    if (list.listeners.length > 0) this.#byFile.set(fileId, list);
    return list;
  }

  invalidate(fileId: FileId): void {
    this.#byFile.delete(fileId);
  }

  membersOf(feed: FeedName, fileId: FileId): ReadonlySet<string> {
    return this.io.of('/').adapter.rooms.get(roomOf(feed, fileId)) ?? NO_MEMBERS;
  }

  #listenersOf(fileId: FileId): Listener[] {
    const { sockets } = this.io.of('/');
    const [stats, emails] = [this.membersOf('stats', fileId), this.membersOf('emails', fileId)];
    return [...new Set([...stats, ...emails])].flatMap((id) => {
      const socket = sockets.get(id);
      if (socket === undefined) return [];
      return { socket, feeds: !emails.has(id) ? 'stats' : stats.has(id) ? 'both' : 'emails' };
    });
  }
}

const NO_MEMBERS: ReadonlySet<string> = new Set();

/** Null: the room is not a feed's, but a socket's own. */
export function fileIdOfRoom(room: string): FileId | null {
  const feed = FEEDS.find((name) => room.startsWith(roomOf(name, '')));
  return feed === undefined ? null : room.slice(roomOf(feed, '').length);
}
