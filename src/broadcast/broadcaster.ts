/** Follows the feed of each file that has listeners at this gateway, and passes the events on to their rooms. */

import { CallerShares } from '../caller-shares.js';
import { type FeedName, roomOf } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import { Fault } from '../errors.js';
import type { Feed, FeedEvent } from '../feed/feed.js';

/** The rooms of the socket server, as the broadcaster uses them. */
export interface Rooms {
  send(feed: FeedName, fileId: FileId, payload: string, revision?: number): void;
  /**
   * The file may have another owner: ends the subscriptions of listeners that may no longer see it. Null: there are no
   * such subscriptions at this gateway.
   */
  recheckAccess(fileId: FileId): Promise<void> | null;
  /** The file was deleted: sends `file_deleted` to both rooms and empties them. Fulfilled once that is done. */
  removed(fileId: FileId): Promise<void>;
}

/** A file that has listeners here, for as long as one of them listens and the file is not deleted. */
export interface Followed {
  readonly fileId: FileId;
  /** The names of its rooms: the same text for all listeners, which an id of the greatest length makes kilobytes. */
  readonly rooms: Readonly<Record<FeedName, string>>;
  /** The file was deleted: nothing comes of it any more. */
  readonly isRemoved: boolean;
}

interface FollowedFile extends Followed {
  /** How many each caller has. */
  readonly listeners: Map<string, number>;
  readonly stop: Promise<() => void>;
  /** How payloads begin in the epoch for which the listeners' access was checked. */
  epochPrefix: string;
  /** Events that wait until access was checked again; null: no check is under way. */
  waiting: FeedEvent[] | null;
  isRemoved: boolean;
}

export class Broadcaster {
  readonly #followed = new Map<FileId, FollowedFile>();
  /** Deleted files whose listeners are being told. */
  readonly #removals = new Map<FileId, Promise<void>>();
  readonly #shares: CallerShares;

  /** `maxFiles`: files that may have listeners at a time. One caller gets half of what the others leave. */
  constructor(
    private readonly feed: Feed,
    private readonly rooms: Rooms,
    private readonly maxFiles: number,
  ) {
    this.#shares = new CallerShares(maxFiles);
  }

  /**
   * One more listener of the file. Fulfilled once every later event reaches the rooms.
   * @throws Fault `rate_limited` where the caller has its share of the files: it may be tried again
   */
  async join(fileId: FileId, caller: string): Promise<Followed> {
    // Its events would come to those who are yet to be told.
    await this.untilAllAreTold(fileId);
    const file = this.#followed.get(fileId) ?? this.#follow(fileId, caller);
    this.#addListeners(file, caller, 1);
    try {
      await file.stop;
    } catch (error) {
      this.leave(file, caller);
      throw error;
    }
    return file;
  }

  /** One listener fewer, of what `join` has answered. */
  leave({ fileId, isRemoved }: Followed, caller: string): void {
    const file = this.#followed.get(fileId);
    if (isRemoved || file === undefined) return;
    this.#addListeners(file, caller, -1);
    if (file.listeners.size > 0) return;
    this.#followed.delete(fileId);
    file.stop.then(
      (stop) => stop(),
      () => undefined,
    );
  }

  /** Fulfilled once no listener of the file as it was deleted last is left to be told. */
  async untilAllAreTold(fileId: FileId): Promise<void> {
    while (this.#removals.has(fileId)) await this.#removals.get(fileId);
  }

  #follow(fileId: FileId, caller: string): FollowedFile {
    if (!this.#shares.fits(caller, 1)) {
      throw new Fault(
        'rate_limited',
        `MAX_FOLLOWED_FILES: of ${this.maxFiles} files with listeners, one caller gets half of what the others leave`,
      );
    }
    const stop = this.feed.follow(fileId, {
      event: (event) => this.#forward(fileId, file, event),
      removed: () => this.#removed(file),
    });
    const file: FollowedFile = {
      fileId,
      rooms: { stats: roomOf('stats', fileId), emails: roomOf('emails', fileId) },
      listeners: new Map(),
      stop,
      epochPrefix: '',
      waiting: null,
      isRemoved: false,
    };
    this.#followed.set(fileId, file);
    return file;
  }

  #removed(file: FollowedFile): void {
    const { fileId } = file;
    file.waiting = null;
    file.isRemoved = true;
    if (this.#followed.get(fileId) !== file) return;
    this.#followed.delete(fileId);
    const [payer] = file.listeners.keys();
    if (payer !== undefined) this.#shares.add(payer, -1);
    const told = this.rooms.removed(fileId).finally(() => this.#removals.delete(fileId));
    this.#removals.set(fileId, told);
  }

  /** The file counts for the caller that has listened to it for the longest. */
  #addListeners({ listeners }: FollowedFile, caller: string, count: number): void {
    const [before] = listeners.keys();
    const own = (listeners.get(caller) ?? 0) + count;
    if (own > 0) listeners.set(caller, own);
    else listeners.delete(caller);
    const [now] = listeners.keys();
    if (before === now) return;
    if (before !== undefined) this.#shares.add(before, -1);
    if (now !== undefined) this.#shares.add(now, 1);
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
