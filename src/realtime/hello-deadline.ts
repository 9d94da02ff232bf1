/** Closes connections that join no namespace in time: a connection that says nothing must not keep its place. */

import type { Server, Socket } from 'socket.io';
import { closeConnection } from './close-connection.js';

type Connection = Socket['conn'];

/** How long the peer may take to close a WebSocket; a peer of whom nothing was heard will hardly do it. */
const CLOSE_TIMEOUT_MS = 500;

export class HelloDeadline {
  /** When each opened that has not joined, the oldest first. One timer for all of them: there may be thousands. */
  readonly #silent = new Map<Connection, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly timeoutMs: number) {}

  watch(io: Pick<Server, 'on' | 'engine'>): void {
    const silent = this.#silent;
    const closed = function (this: Connection) {
      silent.delete(this);
    };
    io.engine.on('connection', (connection: Connection) => {
      silent.set(connection, performance.now());
      connection.on('close', closed);
      this.#schedule();
    });
    io.on('connection', ({ conn }: Socket) => silent.delete(conn));
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    const [oldest] = this.#silent.values();
    if (oldest === undefined) return;
    const waitMs = Math.max(0, oldest + this.timeoutMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const newestLate = performance.now() - this.timeoutMs;
      for (const [connection, openedAt] of this.#silent) {
        if (openedAt > newestLate) break;
        this.#silent.delete(connection);
        closeConnection(connection, 'handshake_timeout', CLOSE_TIMEOUT_MS);
      }
      this.#schedule();
    }, Math.ceil(waitMs)).unref();
  }
}
