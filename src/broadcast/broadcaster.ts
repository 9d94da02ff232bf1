import type { FeedName } from '../domain/events.js';
import type { Feed, FeedEvent } from '../feed/feed.js';

/** Where listeners are: the rooms of the socket server. */
export interface Rooms {
  send(feed: FeedName, fileId: string, payload: string): void;
  /**
   * The file may have another owner: ends the subscriptions of those who may no longer see it. Null: that makes no
   * difference to anybody here.
   */
  readmit(fileId: string): Promise<void> | null;
  /** The file is gone: says so to both of its rooms and empties them. */
  removed(fileId: string): void;
}

interface Watch {
  listeners: number;
  readonly stop: Promise<() => void>;
  /** How the payloads of the epoch begin that its listeners were admitted to. */
  head: string;
  /** Events that wait until it is known who may see them. */
  held: FeedEvent[] | null;
  isOver: boolean;
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
    const watch = this.#watches.get(fileId) ?? this.#follow(fileId);
    watch.listeners++;
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

  #follow(fileId: string): Watch {
    const stop = this.feed.follow(fileId, {
      event: (event) => this.#pass(fileId, watch, event),
      removed: () => {
        watch.held = null;
        watch.isOver = true;
        if (this.#watches.get(fileId) === watch) this.#watches.delete(fileId);
        this.rooms.removed(fileId);
      },
    });
    const watch: Watch = { listeners: 0, stop, head: '', held: null, isOver: false };
    this.#watches.set(fileId, watch);
    return watch;
  }

  /** A new epoch may be the generation of somebody else's file: its first event waits until all its listeners were asked. */
  #pass(fileId: string, watch: Watch, event: FeedEvent): void {
    if (watch.held !== null) {
      watch.held.push(event);
      return;
    }
    if (watch.head === '' || !event.payload.startsWith(watch.head)) {
      watch.head = headOf(fileId, event.payload);
      const admission = this.rooms.readmit(fileId);
      if (admission !== null) {
        watch.held = [event];
        void admission.finally(() => this.#release(fileId, watch));
        return;
      }
    }
    this.rooms.send(event.feed, fileId, event.payload);
  }

  #release(fileId: string, watch: Watch): void {
    const [first, ...rest] = watch.held ?? [];
    watch.held = null;
    if (first === undefined || watch.isOver) return;
    this.rooms.send(first.feed, fileId, first.payload);
    for (const event of rest) this.#pass(fileId, watch, event);
  }
}

/** A payload up to the end of its epoch. */
function headOf(fileId: string, payload: string): string {
  const start = `${JSON.stringify({ fileId }).slice(0, -1)},"epoch":"`;
  return payload.slice(0, payload.indexOf('"', start.length) + 1);
}
