/** The writes that are under way to the listeners of files. A large room takes more than one turn of the event loop. */

import type { FileId } from '../domain/id.js';
import type { PacketBundle } from './frames.js';
import type { Listener, ListenerList, SubscribedFeeds } from './listener-lists.js';
import type { ClientSocket } from './server-types.js';

interface QueuedWrite {
  readonly list: ListenerList;
  /** What each listener of the list gets, by its feeds. */
  readonly bundles: Readonly<Record<SubscribedFeeds, PacketBundle>>;
  /** When its first event was sent, of `performance.now()`. */
  readonly sentAt: number;
  /** When the update came that it is about; undefined where that is not known. */
  readonly arrivedAt: number | undefined;
}

interface WriteInProgress extends Omit<QueuedWrite, 'bundles'> {
  /** Null: there was no room for them. The listeners that are left are cut off instead. */
  bundles: QueuedWrite['bundles'] | null;
  /** About what it holds in memory: its events, and the list of listeners where the write before has another. */
  bytes: number;
  /** Index of the listener that is written to next. */
  next: number;
  /** Indexes from `next` on of listeners that were written to ahead of their turn. */
  readonly writtenAhead: Set<number>;
}

/** How much is written in one turn of the event loop. */
export interface TurnShare {
  readonly sockets: number;
  readonly bytes: number;
}

interface QueueOptions {
  /** What may wait of all files. Beyond it, listeners are cut off. */
  readonly maxBytes: number;
  readonly write: (socket: ClientSocket, fileId: FileId, bundle: PacketBundle, sentAt: number) => void;
  /** Of a socket that does not get what waited for it. */
  readonly cutOff: (socket: ClientSocket) => void;
  /** Called once all listeners were written to, where the time of arrival is known. */
  readonly finished: (arrivedAt: number) => void;
}

/** Bytes of a list in memory for each listener in it. */
const LISTENER_BYTES = 64;
/** Cutting off a socket takes as long as writing to so many. */
const WRITES_PER_CUT_OFF = 10;

export class WriteQueue {
  /** The writes of each file, the oldest first. */
  readonly #byFile = new Map<FileId, WriteInProgress[]>();
  #bytes = 0;
  #isWriting = false;

  constructor(private readonly options: QueueOptions) {}

  get isEmpty(): boolean {
    return this.#byFile.size === 0;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  has(fileId: FileId): boolean {
    return this.#byFile.has(fileId);
  }

  /** It comes after the file's earlier writes, so that each listener gets them in order. */
  add(fileId: FileId, write: QueuedWrite): void {
    const writes = this.#byFile.get(fileId) ?? [];
    // The writes of one change have the same list.
    const listBytes = writes.at(-1)?.list === write.list ? 0 : LISTENER_BYTES * write.list.listeners.length;
    const bytes = write.bundles.both.size + listBytes;
    writes.push({ ...write, bytes, next: 0, writtenAhead: new Set() });
    this.#byFile.set(fileId, writes);
    this.#bytes += bytes;
    while (this.#bytes > this.options.maxBytes) this.#dropOldest();
  }

  /** Drops what waits for the listeners of a file. */
  discard(fileId: FileId): void {
    for (const { bytes } of this.#byFile.get(fileId)?.splice(0) ?? []) this.#bytes -= bytes;
    this.#byFile.delete(fileId);
  }

  /** Writes a turn's share. Files whose listeners were not all written to come last in the next one. */
  writeSome(share: TurnShare): void {
    let left = share;
    for (const [fileId, writes] of [...this.#byFile]) {
      while (writes.length > 0 && left.sockets > 0 && left.bytes > 0)
        left = this.#writeSomeOf(fileId, writes, left);
      if (left === share || this.#byFile.get(fileId) !== writes) continue;
      this.#byFile.delete(fileId);
      this.#byFile.set(fileId, writes);
      if (left.sockets <= 0 || left.bytes <= 0) return;
    }
  }

  /** Writes to one socket, ahead of its turn, what is queued for it. */
  writeTo(socket: ClientSocket): void {
    this.#asWriting(() => {
      for (const [fileId, writes] of this.#byFile) {
        for (const write of writes) {
          const { list, next, writtenAhead } = write;
          const index = list.indexOf(socket);
          const listener = index === undefined ? undefined : list.listeners[index];
          if (index === undefined || listener === undefined || index < next || writtenAhead.has(index))
            continue;
          writtenAhead.add(index);
          this.#writeOrCutOff(fileId, write, listener);
        }
      }
    });
  }

  /** Goes on with the oldest write of a file. @returns what is left of the turn */
  #writeSomeOf(fileId: FileId, writes: readonly WriteInProgress[], share: TurnShare): TurnShare {
    const write = writes[0];
    if (write === undefined) return share;
    let { sockets, bytes } = share;
    this.#asWriting(() => {
      while (sockets > 0 && bytes > 0 && write.next < write.list.listeners.length) {
        sockets--;
        const listener = nextOf(write);
        if (listener === undefined) continue;
        if (write.bundles === null) sockets -= WRITES_PER_CUT_OFF;
        else bytes -= write.bundles[listener.feeds].size;
        this.#writeOrCutOff(fileId, write, listener);
      }
    });
    if (write.next >= write.list.listeners.length && this.#end(fileId, write)) {
      if (write.bundles !== null && write.arrivedAt !== undefined) this.options.finished(write.arrivedAt);
    }
    return { sockets, bytes };
  }

  #writeOrCutOff(fileId: FileId, { bundles, sentAt }: WriteInProgress, { socket, feeds }: Listener): void {
    if (bundles === null) this.options.cutOff(socket);
    else this.options.write(socket, fileId, bundles[feeds], sentAt);
  }

  /** Drops the events of the oldest write of the file for which the most waits: the listeners that it has not reached are furthest behind. */
  #dropOldest(): void {
    const write = this.#largest().find(({ bundles }) => bundles !== null);
    if (write === undefined) return;
    this.#bytes -= write.bytes;
    write.bytes = 0;
    write.bundles = null;
  }

  #largest(): readonly WriteInProgress[] {
    let largest: readonly WriteInProgress[] = [];
    let most = 0;
    for (const writes of this.#byFile.values()) {
      const bytes = writes.reduce((sum, write) => sum + write.bytes, 0);
      if (bytes <= most) continue;
      most = bytes;
      largest = writes;
    }
    return largest;
  }

  /** Removes a file's oldest write. False: that has happened already. */
  #end(fileId: FileId, write: WriteInProgress): boolean {
    const writes = this.#byFile.get(fileId);
    if (writes?.[0] !== write) return false;
    writes.shift();
    this.#bytes -= write.bytes;
    if (writes.length === 0) this.#byFile.delete(fileId);
    return true;
  }

  #asWriting(work: () => void): void {
    const wasWriting = this.#isWriting;
    this.#isWriting = true;
    try {
      work();
    } finally {
      this.#isWriting = wasWriting;
    }
  }
}

/** The listener that is next, as of now: what is done with it may come here again. Undefined: it was written to already. */
function nextOf(write: WriteInProgress): Listener | undefined {
  const index = write.next++;
  return write.writtenAhead.has(index) ? undefined : write.list.listeners[index];
}
