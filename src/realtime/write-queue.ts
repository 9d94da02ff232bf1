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

/** How much is written in one turn of the event loop. */
export interface TurnLimits {
  readonly sockets: number;
  readonly bytes: number;
}

const NO_LIMITS: TurnLimits = { sockets: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
/** Writes of a file that wait at most: where more are added than the turns have time for, the oldest is finished at once. */
const WAITING_AT_MOST = 8;

export class WriteQueue {
  /** The writes of each file, the oldest first. */
  readonly #byFile = new Map<FileId, WriteInProgress[]>();
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

  /** It comes after the file's earlier writes, so that each listener gets them in order. */
  add(fileId: FileId, write: QueuedWrite): void {
    const writes = this.#byFile.get(fileId) ?? [];
    writes.push({ ...write, next: 0, writtenAhead: new Set() });
    this.#byFile.set(fileId, writes);
    while (writes.length > WAITING_AT_MOST) this.#writeSomeOf(fileId, writes, NO_LIMITS);
  }

  /** Writes a turn's share. Files whose listeners were not all written to come last in the next one. */
  writeSome(limits: TurnLimits): void {
    let left = limits;
    for (const [fileId, writes] of [...this.#byFile]) {
      while (writes.length > 0 && left.sockets > 0 && left.bytes > 0)
        left = this.#writeSomeOf(fileId, writes, left);
      if (left === limits || this.#byFile.get(fileId) !== writes) continue;
      this.#byFile.delete(fileId);
      this.#byFile.set(fileId, writes);
      if (left.sockets <= 0 || left.bytes <= 0) return;
    }
  }

  /** Writes to one socket, ahead of its turn, what is queued for it. */
  writeTo(socket: ClientSocket): void {
    for (const [fileId, writes] of this.#byFile) {
      for (const write of writes) {
        const { list, next, writtenAhead } = write;
        const index = list.indexOf(socket);
        if (index === undefined || index < next || writtenAhead.has(index)) continue;
        writtenAhead.add(index);
        this.#writeTo(list.listeners[index], fileId, write);
      }
    }
  }

  /** Goes on with the oldest write of a file. @returns what is left of the limits */
  #writeSomeOf(fileId: FileId, writes: WriteInProgress[], limits: TurnLimits): TurnLimits {
    const write = writes[0];
    if (write === undefined) return limits;
    const { listeners } = write.list;
    let { sockets, bytes } = limits;
    // A write may cause another call of this method, which continues where this one is.
    while (sockets > 0 && bytes > 0 && write.next < listeners.length) {
      const index = write.next++;
      const listener = listeners[index];
      sockets--;
      if (listener === undefined || write.writtenAhead.has(index)) continue;
      bytes -= write.bundles[listener.feeds].size;
      this.#writeTo(listener, fileId, write);
    }
    if (write.next >= listeners.length && writes[0] === write) {
      writes.shift();
      if (writes.length === 0 && this.#byFile.get(fileId) === writes) this.#byFile.delete(fileId);
      if (write.arrivedAt !== undefined) this.finished(write.arrivedAt);
    }
    return { sockets, bytes };
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
