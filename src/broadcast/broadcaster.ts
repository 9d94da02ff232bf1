/** Follows the feed of each file that has listeners at this gateway, and passes the events on to their rooms. */

import type { FeedName } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import type { Feed, FeedEvent } from '../feed/feed.js';

/** The rooms of the socket server, as the broadcaster uses them. */
export interface Rooms {
  send(feed: FeedName, fileId: FileId, payload: string, revision?: number): void;
  /**
   * The file may have another owner: ends the subscriptions of listeners that may no longer see it. Null: there are no
   * such subscriptions at this gateway.
   */
  recheckAccess(fileId: FileId): Promise<void> | null;
  /** The file was deleted: sends `file_deleted` to both rooms and empties them. */
  removed(fileId: FileId): void;
}

interface FollowedFile {
  listeners: number;
  readonly stop: Promise<() => void>;
  /** How payloads begin in the epoch for which the listeners' access was checked. */
  epochPrefix: string;
  /** Events that wait until access was checked again; null: no check is under way. */
  waiting: FeedEvent[] | null;
  isRemoved: boolean;
}

export class Broadcaster {
  readonly #followed = new Map<FileId, FollowedFile>();

  constructor(
    private readonly feed: Feed,
    private readonly rooms: Rooms,
  ) {}

  /** One more listener of the file. Fulfilled once every later event reaches the rooms. */
  async join(fileId: FileId): Promise<void> {
    const file = this.#followed.get(fileId) ?? this.#follow(fileId);
    file.listeners++;
    try {
      await file.stop;
    } catch (error) {
      this.leave(fileId);
      throw error;
    }
  }

  /** One listener fewer. */
  leave(fileId: FileId): void {
    const file = this.#followed.get(fileId);
    if (file === undefined || --file.listeners > 0) return;
    this.#followed.delete(fileId);
    file.stop.then(
      (stop) => stop(),
      () => undefined,
    );
  }

  #follow(fileId: FileId): FollowedFile {
    const stop = this.feed.follow(fileId, {
      event: (event) => this.#forward(fileId, file, event),
      removed: () => {
        file.waiting = null;
        file.isRemoved = true;
        if (this.#followed.get(fileId) === file) this.#followed.delete(fileId);
        this.rooms.removed(fileId);
      },
    });
    const file: FollowedFile = { listeners: 0, stop, epochPrefix: '', waiting: null, isRemoved: false };
    this.#followed.set(fileId, file);
    return file;
  }

  /** In a new epoch the file may have another owner: its events wait until the access of all listeners was checked. */
  #forward(fileId: FileId, file: FollowedFile, event: FeedEvent): void {
    if (file.waiting !== null) {
      file.waiting.push(event);
      return;
    }
    if (file.epochPrefix === '' || !event.payload.startsWith(file.epochPrefix)) {
      file.epochPrefix = epochPrefixOf(fileId, event.payload);
      const recheck = this.rooms.recheckAccess(fileId);
      if (recheck !== null) {
        file.waiting = [event];
        void recheck.finally(() => this.#forwardWaiting(fileId, file));
        return;
      }
    }
    this.rooms.send(event.feed, fileId, event.payload, event.revision);
  }

  #forwardWaiting(fileId: FileId, file: FollowedFile): void {
    const [first, ...rest] = file.waiting ?? [];
    file.waiting = null;
    if (first === undefined || file.isRemoved) return;
    this.rooms.send(first.feed, fileId, first.payload, first.revision);
    for (const event of rest) this.#forward(fileId, file, event);
  }
}

/** A payload up to the end of its epoch. */
function epochPrefixOf(fileId: FileId, payload: string): string {
  const start = `${JSON.stringify({ fileId }).slice(0, -1)},"epoch":"`;
  return payload.slice(0, payload.indexOf('"', start.length) + 1);
}
