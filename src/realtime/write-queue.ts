import type { FrameBatch } from './frames.js';
import type { Listener, ListenerList, SubscribedFeeds } from './listener-lists.js';
import type { ClientSocket } from './server-types.js';

/** What each of an audience gets. */
export interface QueuedWrite {
  readonly audience: ListenerList;
  readonly mailings: Readonly<Record<SubscribedFeeds, FrameBatch>>;
}

interface Underway extends QueuedWrite {
  /** The place in the audience of whoever is next. */
  next: number;
  /** Places of those behind it who got theirs already. */
  readonly early: Set<number>;
}

/** What is being written to the listeners of files: a large room takes more than one turn of the event loop. */
export class WriteQueue {
  readonly #byFile = new Map<string, Underway>();
  #isWriting = false;

  constructor(private readonly write: (socket: ClientSocket, fileId: string, mailing: FrameBatch) => void) {}

  get isEmpty(): boolean {
    return this.#byFile.size === 0;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Whoever still waits for what came before it gets that first. */
  add(fileId: string, posting: QueuedWrite): void {
    this.#writeSomeOf(fileId, Number.POSITIVE_INFINITY);
    this.#byFile.set(fileId, { ...posting, next: 0, early: new Set() });
  }

  /** Writes to so many, at most. */
  writeSome(atMost: number): void {
    let left = atMost;
    for (const fileId of this.#byFile.keys()) left -= this.#writeSomeOf(fileId, left);
  }

  /** Writes to one of them what it still waits for. */
  writeTo(socket: ClientSocket): void {
    for (const [fileId, underway] of this.#byFile) {
      const { audience, next, early } = underway;
      const place = audience.placeOf(socket);
      if (place === undefined || place < next || early.has(place)) continue;
      early.add(place);
      this.#writeTo(audience.listeners[place], fileId, underway);
    }
  }

  #writeSomeOf(fileId: string, atMost: number): number {
    const underway = this.#byFile.get(fileId);
    if (underway === undefined) return 0;
    const { listeners } = underway.audience;
    let count = 0;
    // A write may lead to another one, which goes on from where this one is.
    for (; count < atMost && underway.next < listeners.length; count++) {
      const place = underway.next++;
      if (!underway.early.has(place)) this.#writeTo(listeners[place], fileId, underway);
    }
    if (underway.next >= listeners.length && this.#byFile.get(fileId) === underway)
      this.#byFile.delete(fileId);
    return count;
  }

  #writeTo(listener: Listener | undefined, fileId: string, { mailings }: QueuedWrite): void {
    if (listener === undefined) return;
    const wasWriting = this.#isWriting;
    this.#isWriting = true;
    try {
      this.write(listener.socket, fileId, mailings[listener.wants]);
    } finally {
      this.#isWriting = wasWriting;
    }
  }
}
