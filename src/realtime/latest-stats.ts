/**
 * Sends a slow socket the latest stats of a file instead of every one. Stats are absolute: while a socket has not read
 * the last ones, newer stats replace one another. Results are never left out.
 */

import type { FileId } from '../domain/id.js';
import type { EventPacket } from './frames.js';
import type { ClientSocket } from './server-types.js';

export class LatestStats {
  /** The files whose stats are on their way to a socket, each with the newest stats that came after them. */
  readonly #inFlight = new WeakMap<ClientSocket, Map<FileId, EventPacket | null>>();

  constructor(
    /** Writes what is queued for the socket. Called first, because that may replace the stats that wait. */
    private readonly writeQueued: (socket: ClientSocket) => void,
  ) {}

  /** Writes the stats, or lets them wait until the stats that are in flight have been read. */
  write(socket: ClientSocket, fileId: FileId, stats: EventPacket): void {
    let files = this.#inFlight.get(socket);
    if (files === undefined) {
      files = new Map();
      this.#inFlight.set(socket, files);
    }
    if (files.has(fileId)) {
      files.set(fileId, stats);
      return;
    }
    files.set(fileId, null);
    socket.conn.write(stats.text, stats.options, () => {
      this.writeQueued(socket);
      const newest = files.get(fileId) ?? null;
      files.delete(fileId);
      if (newest !== null && !socket.data.subscriptions.areEnding) this.write(socket, fileId, newest);
    });
  }

  /** Drops the stats that wait: newer stats are written or will follow, or the socket has left the room. */
  discard(socket: ClientSocket, fileId: FileId): void {
    const files = this.#inFlight.get(socket);
    if (files?.has(fileId)) files.set(fileId, null);
  }
}
