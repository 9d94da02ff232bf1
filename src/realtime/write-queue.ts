/** The writes that are under way to the listeners of files. A large room takes more than one turn of the event loop. */

import type { FileId } from '../domain/id.js';
import type { PacketBundle } from './frames.js';
import type { Listener, ListenerList, SubscribedFeeds } from './listener-lists.js';
import type { ClientSocket } from './server-types.js';

interface QueuedWrite {
  readonly list: ListenerList;
  /** What each listener of the list gets, by its feeds. */
  readonly bundles: Readonly<Record<SubscribedFeeds, PacketBundle>>;
  /** When the update came that it is about; undefined where that is not known. */
  readonly arrivedAt: number | undefined;
}

interface WriteInProgress extends QueuedWrite {
  /** Index of the listener that is written to next. */
  next: number;
  /** Indexes from `next` on of listeners that were written to ahead of their turn. */
  readonly writtenAhead: Set<number>;
}

export class WriteQueue {
  readonly #byFile = new Map<FileId, WriteInProgress>();
  #isWriting = false;

  constructor(
    private readonly write: (socket: ClientSocket, fileId: FileId, bundle: PacketBundle) => void,
    /** Called once all listeners were written to, where the time of arrival is known. */
    private readonly finished: (arrivedAt: number) => void,
  ) {}

  get isEmpty(): boolean {
    return this.#byFile.size === 0;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Finishes the file's earlier write first, so that each listener gets the two in order. */
  add(fileId: FileId, write: QueuedWrite): void {
    this.#writeSomeOf(fileId, Number.POSITIVE_INFINITY);
    this.#byFile.set(fileId, { ...write, next: 0, writtenAhead: new Set() });
  }

  /** Writes to at most so many listeners. */
  writeSome(atMost: number): void {
    let left = atMost;
    for (const fileId of this.#byFile.keys()) left -= this.#writeSomeOf(fileId, left);
  }

  /** Writes to one socket, ahead of its turn, what is queued for it. */
  writeTo(socket: ClientSocket): void {
    for (const [fileId, write] of this.#byFile) {
      const { list, next, writtenAhead } = write;
      const index = list.indexOf(socket);
      if (index === undefined || index < next || writtenAhead.has(index)) continue;
      writtenAhead.add(index);
      this.#writeTo(list.listeners[index], fileId, write);
    }
  }

  #writeSomeOf(fileId: FileId, atMost: number): number {
    const write = this.#byFile.get(fileId);
    if (write === undefined) return 0;
    const { listeners } = write.list;
    let count = 0;
    // A write may cause another call of this method, which continues where this one is.
    for (; count < atMost && write.next < listeners.length; count++) {
      const index = write.next++;
      if (!write.writtenAhead.has(index)) this.#writeTo(listeners[index], fileId, write);
    }
    if (write.next >= listeners.length && this.#byFile.get(fileId) === write) {
      this.#byFile.delete(fileId);
      if (write.arrivedAt !== undefined) this.finished(write.arrivedAt);
    }
    return count;
  }

  #writeTo(listener: Listener | undefined, fileId: FileId, { bundles }: QueuedWrite): void {
    if (listener === undefined) return;
    const wasWriting = this.#isWriting;
    this.#isWriting = true;
    try {
      this.write(listener.socket, fileId, bundles[listener.feeds]);
    } finally {
      this.#isWriting = wasWriting;
    }
  }
}
