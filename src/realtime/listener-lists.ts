import { FEEDS, type FeedName, roomOf } from '../domain/events.js';
import type { ClientSocket, SocketServer } from './server-types.js';

/** Which feeds of a file somebody listens to. */
export type SubscribedFeeds = FeedName | 'both';

export interface Listener {
  readonly socket: ClientSocket;
  readonly wants: SubscribedFeeds;
}

/** Who listens to a file at some moment, in no particular order. It does not change when somebody comes or goes. */
export class ListenerList {
  #places: Map<ClientSocket, number> | undefined;

  constructor(readonly listeners: readonly Listener[]) {}

  /** Looked for rarely, so whoever looks first lists them all. */
  placeOf(socket: ClientSocket): number | undefined {
    this.#places ??= new Map(this.listeners.map((listener, place) => [listener.socket, place]));
    return this.#places.get(socket);
  }
}

/** The listeners of each file that something was sent to since anybody came or went. */
export class ListenerLists {
  readonly #byFile = new Map<string, ListenerList>();

  constructor(private readonly io: SocketServer) {}

  /** Nobody tells when a file is gone that nobody listens to: nothing is kept of it. */
  of(fileId: string): ListenerList {
    const known = this.#byFile.get(fileId);
    if (known !== undefined) return known;
    const audience = new ListenerList(this.#listenersOf(fileId));
    if (audience.listeners.length > 0) this.#byFile.set(fileId, audience);
    return audience;
  }

  /** Somebody has come or gone. */
  changed(fileId: string): void {
    this.#byFile.delete(fileId);
  }

  membersOf(feed: FeedName, fileId: string): ReadonlySet<string> {
    return this.io.of('/').adapter.rooms.get(roomOf(feed, fileId)) ?? NO_MEMBERS;
  }

  #listenersOf(fileId: string): Listener[] {
    const { sockets } = this.io.of('/');
    const [stats, emails] = [this.membersOf('stats', fileId), this.membersOf('emails', fileId)];
    return [...new Set([...stats, ...emails])].flatMap((id) => {
      const socket = sockets.get(id);
      if (socket === undefined) return [];
      return { socket, wants: !emails.has(id) ? 'stats' : stats.has(id) ? 'both' : 'emails' };
    });
  }
}

const NO_MEMBERS: ReadonlySet<string> = new Set();

/** The file that a room is of; null: it is a socket's own. */
export function fileIdOfRoom(room: string): string | null {
  const feed = FEEDS.find((name) => room.startsWith(roomOf(name, '')));
  return feed === undefined ? null : room.slice(roomOf(feed, '').length);
}
