import type { FeedName } from '../domain/events.js';
import type { Feed, FeedEvent } from '../feed/feed.js';

/** Where listeners are: the rooms of the socket server. */
export interface Rooms {
  send(feed: FeedName, fileId: string, payload: string): void;
  /** The file is gone: says so to both of its rooms and empties them. */
  removed(fileId: string): void;
}

interface Watch {
  listeners: number;
  readonly stop: Promise<() => void>;
}

/** Follows the feed of each file that has listeners here, and of no other, and hands the payloads on as they are. */
export class Broadcaster {
  readonly #watches = new Map<string, Watch>();

  constructor(
    private readonly feed: Feed,
    private readonly rooms: Rooms,
  ) {}

  /** One more listener of the file; fulfilled once every later event of it reaches the rooms. */
  async join(fileId: string): Promise<void> {
    const watch = this.#watches.get(fileId) ?? { listeners: 0, stop: this.#follow(fileId) };
    watch.listeners++;
    this.#watches.set(fileId, watch);
    try {
      await watch.stop;
    } catch (error) {
      this.leave(fileId);
      throw error;
    }
  }

  /** One listener fewer. */
  leave(fileId: string): void {
    const watch = this.#watches.get(fileId);
    if (watch === undefined || --watch.listeners > 0) return;
    this.#watches.delete(fileId);
    watch.stop.then(
      (stop) => stop(),
      () => undefined,
    );
  }

  #follow(fileId: string): Promise<() => void> {
    return this.feed.follow(fileId, {
      event: ({ feed, payload }: FeedEvent) => this.rooms.send(feed, fileId, payload),
      removed: () => {
        this.#watches.delete(fileId);
        this.rooms.removed(fileId);
      },
    });
  }
}
