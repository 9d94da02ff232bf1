import type { EventPacket } from './frames.js';
import type { ClientSocket } from './server-types.js';

/**
 * Stats are absolute: somebody who has not taken the last ones yet is not sent each that comes meanwhile, but the newest,
 * once the connection has drained. The results that they count are never left out.
 */
export class LatestStats {
  /** By socket and file: stats are on their way; and the newest that came after them. */
  readonly #underway = new WeakMap<ClientSocket, Map<string, EventPacket | null>>();

  constructor(
    /** Writes to the socket what was sent meanwhile: it comes behind what is kept, or in its place. */
    private readonly settle: (socket: ClientSocket) => void,
  ) {}

  /** Writes the stats, or keeps them in the place of older ones until those that are under way have been taken. */
  write(socket: ClientSocket, fileId: string, stats: EventPacket): void {
    let files = this.#underway.get(socket);
    if (files === undefined) {
      files = new Map();
      this.#underway.set(socket, files);
    }
    if (files.has(fileId)) {
      files.set(fileId, stats);
      return;
    }
    files.set(fileId, null);
    socket.conn.write(stats.text, stats.options, () => {
      this.settle(socket);
      const newest = files.get(fileId) ?? null;
      files.delete(fileId);
      if (newest !== null) this.write(socket, fileId, newest);
    });
  }

  /** What is kept for the socket is of the past: newer stats are being written, or will follow, or nobody wants them. */
  forget(socket: ClientSocket, fileId: string): void {
    const files = this.#underway.get(socket);
    if (files?.has(fileId)) files.set(fileId, null);
  }
}
